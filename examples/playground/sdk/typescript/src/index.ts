export { Client, PlaygroundError } from "./client.ts";
export { version } from "./version.ts";
