#!/usr/bin/env node
import { version } from "../src/domain/version.ts"
import { startable } from "./startable.ts"

// Said without loading what the commands need: packagers and scripts ask for nothing else.
if (process.argv.length === 3 && process.argv[2] === "--version") process.stdout.write(`cis490-agent v${version}\n`)
else if (startable("cis490-agent")) void import("./agent.ts")
