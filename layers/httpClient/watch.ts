import type { Socket } from "node:net"
import { Evidence } from "../../src/domain/connection/Evidence.ts"

/**
 * Sees to it that a request fails with what the other side said last, and with what is known of it: on its own undici reports an
 * alert that came after the handshake (under TLS 1.3: every refusal of a client's certificate) as `other side closed`.
 */
export const watch = (socket: Socket, known: Omit<ConstructorParameters<typeof Evidence>[0], "phase">): void => {
  let answered = false
  const explained = (error: Error): Error =>
    Object.assign(error, { evidence: new Evidence({ ...known, phase: answered ? "answered" : "unanswered" }) })
  socket.on("readable", () => {
    answered ||= socket.readableLength > 0
  })
  // Before undici's own listeners, which are added when it has the socket.
  socket.on("error", (error) => {
    explained(error)
    socket.destroy()
  })
  socket.on("end", () => {
    if (!answered) socket.destroy(explained(Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" })))
  })
}
