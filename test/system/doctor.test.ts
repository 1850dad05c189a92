/** Doctor on a disk that really fills up. */
import * as fs from "node:fs"
import { join } from "node:path"
import { beforeAll, expect, test } from "vitest"
import { readDoctor } from "../support/doctor.ts"
import { makeFakeTools } from "../support/fakeTools.ts"
import { makeBox } from "../support/shipperBox.ts"
import { makeSmallDisk } from "../support/smallDisk.ts"
import { needTools } from "../support/tools.ts"

const MIB = 1024 * 1024

beforeAll(() => needTools("unshare", "mount"))

test("space against the floor: green, yellow below twice of it, red below it, green again", async () => {
  await using disk = await makeSmallDisk(64 * MIB)
  using box = makeBox("http://127.0.0.1:1", { paths: { data_root: join(disk.path, "data"), min_free_bytes: 16 * MIB } })
  const tools = makeFakeTools(box.home)
  fs.mkdirSync(join(disk.path, "data/state"), { recursive: true })
  const space = async () =>
    readDoctor(await box.run(["doctor", "--json"], { env: { PATH: tools.path } })).of("space").state
  expect(await space()).toBe("green")
  disk.fill(24 * MIB)
  expect(await space()).toBe("yellow")
  disk.free()
  disk.fill(8 * MIB)
  expect(await space()).toBe("red")
  disk.free()
  expect(await space()).toBe("green")
})
