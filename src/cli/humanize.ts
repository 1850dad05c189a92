export * from "../domain/humanize.ts"
