/** Counts the bodies of what goes to a server over one connection: HTTP/1.1 requests with a `Content-Length`, as our shipper sends them. */

const HEAD_END = Buffer.from("\r\n\r\n")

/** `count` gets the method of a request and how many bytes of its body have gone by now. */
export const countBodies = (count: (method: string, bytes: number) => void) => {
  let head = Buffer.alloc(0)
  let method = ""
  let left = 0
  return (chunk: Buffer): void => {
    for (let rest = chunk; rest.length > 0; ) {
      if (left > 0) {
        const part = Math.min(left, rest.length)
        count(method, part)
        left -= part
        rest = rest.subarray(part)
        continue
      }
      const seen = head.length
      head = Buffer.concat([head, rest])
      const end = head.indexOf(HEAD_END)
      if (end === -1) return
      rest = rest.subarray(end + HEAD_END.length - seen)
      const text = head.toString("latin1", 0, end)
      method = text.slice(0, text.indexOf(" "))
      left = Number(/^content-length: *(\d+)\r?$/im.exec(text)?.[1] ?? 0)
      head = Buffer.alloc(0)
      if (/^transfer-encoding:/im.test(text)) throw new Error(`a body without a length: ${text}`)
    }
  }
}
