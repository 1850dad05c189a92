import { describe, expect, test } from "vitest"
import { isWithin, parseNetwork } from "../../src/domain/network.ts"

const networks = (...texts: ReadonlyArray<string>) =>
  texts.map((text) => {
    const network = parseNetwork(text)
    if (network === undefined) throw new Error(text)
    return network
  })

describe("networks", () => {
  test.each([
    ["10.0.0.7", "10.0.0.7", true],
    ["10.0.0.7", "10.0.0.8", false],
    ["10.0.0.7", "::ffff:10.0.0.7", true],
    ["::ffff:10.0.0.7", "10.0.0.7", true],
    ["10.0.0.7", "::ffff:a00:7", true],
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.7/8", "10.1.2.3", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.0.0.0/9", "10.128.0.0", false],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "::1", false],
    ["::/0", "10.0.0.1", false],
    ["::1", "::1", true],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["::1", "::2", false],
    ["::", "::", true],
    ["fd00::/8", "fdff:ffff::1", true],
    ["fd00::/8", "fe00::1", false],
    ["2001:db8::/33", "2001:db8:7fff::", true],
    ["2001:db8::/33", "2001:db8:8000::", false],
    ["2001:db8:0:0:1::", "2001:db8::1:0:0:0", true],
    ["fe80::1", "fe80::1%eth0", true],
    ["127.0.0.1", "localhost", false],
    ["127.0.0.1", "127.0.0.1.evil", false],
    ["127.0.0.1", "127.0.0.1/8", false],
    ["127.0.0.1", "", false]
  ])("%s, %s: %s", (network, address, within) => expect(isWithin(networks(network), address)).toBe(within))

  test("any of several will do, none of none", () => {
    expect(isWithin(networks("::1", "10.0.0.0/8"), "10.0.0.1")).toBe(true)
    expect(isWithin([], "10.0.0.1")).toBe(false)
  })

  test.each([
    "",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.1/33",
    "10.0.0.1/",
    "10.0.0.1/-1",
    "10.0.0.1/8/8",
    "::1/129",
    ":::",
    "1:2",
    "g::",
    "[::1]",
    "::1]/x[",
    "proxy.wg",
    "127.1",
    "0x7f.0.0.1",
    " 10.0.0.1"
  ])("%s is none", (text) => expect(parseNetwork(text)).toBeUndefined())
})
