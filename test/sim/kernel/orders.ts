/** The master's orders, as SQLite keeps them: what was put is there after a power cut too (`synchronous = EXTRA`). */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { type Order, Orders, OrdersUnavailable } from "../../../src/services/Orders.ts"
import type { Machine } from "./machine.ts"
import type { Process } from "./process.ts"

const files = new WeakMap<Machine, Map<string, ReadonlyMap<string, Order>>>()

const filesOf = (machine: Machine): Map<string, ReadonlyMap<string, Order>> => {
  const found = files.get(machine) ?? new Map<string, ReadonlyMap<string, Order>>()
  files.set(machine, found)
  return found
}

const NOTHING: ReadonlyMap<string, Order> = new Map()

export const layerOrders = (process: Process): Layer.Layer<Orders> => {
  const machine = filesOf(process.machine)
  const call = <A>(method: string, path: string, perform: () => A) =>
    process.call(
      { service: "orders", method, target: path, mutates: method === "put" },
      () => Exit.succeed(perform()),
      (code) => new OrdersUnavailable({ message: `${path}: ${code}` })
    )
  const put = (path: string, order: Order): boolean => {
    const orders = machine.get(path) ?? NOTHING
    if ((orders.get(order.hostId)?.generation ?? 0) >= order.generation) return false
    machine.set(path, new Map(orders).set(order.hostId, order))
    return true
  }
  return Layer.succeed(Orders, {
    all: (path) => call("all", path, () => [...(machine.get(path) ?? NOTHING).values()]),
    put: (path, order) =>
      Effect.flatMap(
        call("put", path, () => put(path, order)),
        (kept) =>
          kept
            ? Effect.void
            : Effect.fail(new OrdersUnavailable({ message: `${path}: a newer order for ${order.hostId} is in it` }))
      )
  })
}
