import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { toolPath } from "../tools.ts";
import { type Running, startServer } from "./servers.ts";

/** Debian's docker-registry, without accounts, with deleting switched on, its files in `folder`. */
export function startDebianRegistry(folder: string): Promise<Running> {
  mkdirSync(folder, { recursive: true });
  const config = path.join(folder, "registry.yml");
  return startServer({
    file: toolPath("docker-registry"),
    args(port) {
      const storage = { filesystem: { rootdirectory: path.join(folder, "storage") }, delete: { enabled: true } };
      const document = { version: 0.1, log: { level: "error" }, storage, http: { addr: `127.0.0.1:${port}` } };
      writeFileSync(config, JSON.stringify(document)); // JSON is YAML
      return ["serve", config];
    },
    cwd: folder,
    ready: "/v2/",
  });
}

/** zot, without accounts, its files in `folder`. */
export function startZot(folder: string): Promise<Running> {
  mkdirSync(folder, { recursive: true });
  const config = path.join(folder, "zot.json");
  return startServer({
    file: toolPath("zot"),
    args(port) {
      const storage = { rootDirectory: path.join(folder, "storage"), gc: false };
      const http = { address: "127.0.0.1", port: String(port) };
      writeFileSync(config, JSON.stringify({ distSpecVersion: "1.1.1", storage, http, log: { level: "error" } }));
      return ["serve", config];
    },
    cwd: folder,
    ready: "/v2/",
  });
}
