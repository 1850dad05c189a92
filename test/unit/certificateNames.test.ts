import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { dnsNames } from "../../layers/httpServer/certificate.ts"

describe("the DNS names of a certificate, as Node writes them", () => {
  test.each([
    ["", []],
    ["DNS:a", ["a"]],
    ["DNS:a, DNS:b.c", ["a", "b.c"]],
    ["IP Address:127.0.0.1, DNS:a", ["a"]],
    ['DNS:"a\\u002c DNS:b"', ['"a\\u002c DNS:b"']],
    ['email:"x\\u002c DNS:b", DNS:a', ["a"]],
    ['DirName:"CN=x\\u002cDNS:b", DNS:a', ["a"]],
    ["othername:<unsupported>, DNS:a", ["a"]],
    ['DNS:"\\"", DNS:a', ['"\\""', "a"]],
    ["URI:spiffe://lab/a, Registered ID:1.2.3, DNS:a", ["a"]]
  ] as const)("%s", (text, names) => expect(dnsNames(text)).toEqual(names))

  test.each([
    "DNS:a,DNS:b",
    'DNS:"a',
    'DNS:a"b',
    "a",
    "DNS:a\\",
    ", DNS:a",
    'DNS:"a"b, DNS:c'
  ])("%s cannot be read", (text) => expect(dnsNames(text)).toBeUndefined())

  test("what stands in quotes never adds a name", () => {
    const inQuotes = fc.string().map((value) => JSON.stringify(value).replaceAll(",", "\\u002c"))
    fc.assert(
      fc.property(fc.array(inQuotes), (values) => {
        const text = [...values.map((value) => `email:${value}`), "DNS:a"].join(", ")
        expect(dnsNames(text)).toEqual(["a"])
      })
    )
  })
})
