import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mayListen } from "../../src/agent/ways.ts"
import { withOtherName } from "../../src/cli/agent/root.ts"
import { AgentSettings } from "../../src/domain/agentSettings.ts"
import { Environment } from "../../src/services/Environment.ts"
import { complaintsAbout, loadText } from "../support/config.ts"

const NEEDED = 'host_id = "lab-1"\nmaster.url = "https://m/"\n'
const load = (text: string) => Effect.map(loadText(AgentSettings, NEEDED + text), ({ settings }) => settings)

describe("agent.toml", () => {
  it.effect("has the contract's defaults", () =>
    Effect.gen(function* () {
      expect(yield* load("")).toEqual({
        host_id: "lab-1",
        listen: "127.0.0.1:8765",
        heartbeat_interval_s: 30,
        agent: { dir: "/var/lib/cis490-agent" },
        auth: {},
        tls: {},
        master: { url: "https://m", verify_tls: true },
        docker: { socket: "/var/run/docker.sock" }
      })
    })
  )

  it.effect.each([
    ['tls.client_ca = "/c"', "tls.cert: found nothing, wants a value, because client_ca is set"],
    ['tls.client_names = ["m"]', "tls.client_ca: found nothing"],
    ['tls.cert = "/c"', "tls.key: found nothing"],
    ['master.client_key = "/k"', "master.client_cert: found nothing"],
    ["tls.client_names = []", "tls.client_names: found"],
    ["heartbeat_interval_s = -1", "heartbeat_interval_s: found -1, wants a number of seconds"],
    ['docker.socket = "docker.sock"', "docker.socket: found"],
    ['agent.dri = "/x"', "wants one of dir"]
  ])("says what is wrong with %s", ([text, words]) =>
    Effect.gen(function* () {
      expect(yield* complaintsAbout(AgentSettings, NEEDED + text)).toContain(words)
    })
  )

  it.effect.each([
    ['listen = "0.0.0.0:8765"', false],
    ['listen = "[::]:8765"', false],
    ['listen = "lab-1.wg:8765"', false],
    ['listen = "127.0.0.1:8765"', true],
    ['listen = "[::1]:8765"', true],
    ['listen = "localhost:8765"', true],
    ['listen = "unix:/run/agent.sock"', true],
    ['listen = "0.0.0.0:8765"\nauth.bearer_token = "t"', true],
    ['listen = "0.0.0.0:8765"\nauth.bearer_token_file = "/t"', true],
    ['listen = "0.0.0.0:8765"\n[tls]\ncert = "/c"\nkey = "/k"', false],
    ['listen = "0.0.0.0:8765"\n[tls]\ncert = "/c"\nkey = "/k"\nclient_ca = "/a"', true]
  ] as const)("with %s: is open to nobody who does not show who they are: %s", ([text, may]) =>
    Effect.gen(function* () {
      expect(mayListen(yield* load(text)) === undefined).toBe(may)
    })
  )

  it.effect("takes agent.dir from DECNET_AGENT_DIR before all else", () =>
    Effect.gen(function* () {
      const variables = { DECNET_AGENT_DIR: "/a", CIS490_AGENT__DIR: "/b" }
      const seen = withOtherName(Effect.map(Environment, (environment) => environment.variables["CIS490_AGENT__DIR"]))
      expect(yield* Effect.provideService(seen, Environment, { variables })).toBe("/a")
      expect(yield* Effect.provideService(seen, Environment, { variables: { CIS490_AGENT__DIR: "/b" } })).toBe("/b")
    })
  )
})
