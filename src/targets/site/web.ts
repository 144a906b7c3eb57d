import type { Finding, Io } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { failure, isBusy, limit } from "./answers.ts";
import type { SiteStore } from "./store.ts";

export interface WebOptions {
  /** Address of the site's root, without a slash at the end. */
  url: string;
  token: string | undefined;
}

const variable = "TWOTIER_SITE_TOKEN";

/**
 * A web server that takes PUT with `if-match` and `if-none-match` (RFC 9110, section 13.1), and lists a folder as JSON to who
 * accepts nothing else (nginx: autoindex_format json): the site among the registries of this machine.
 */
export function webStore({ url, token }: WebOptions): SiteStore {
  const login: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const get = (path: string, io: Io, headers: Record<string, string> = {}) =>
    io.http({ url: `${url}/${path}`, headers: { "cache-control": "no-cache", ...headers }, signal: io.signal });

  return {
    place: url,

    async read(file, io) {
      const response = await get(file, io, login);
      if (response.status === 404) {
        response.discard();
        return null;
      }
      const mark = response.headers.etag;
      if (response.status !== 200 || !mark) throw await failure(response, `GET ${url}/${file}`, io, variable);
      return { bytes: await response.bytes(limit), mark };
    },

    async write(changes, _about, io) {
      for (const { file, expect } of changes) {
        const condition: Record<string, string> = expect === null ? { "if-none-match": "*" } : { "if-match": expect };
        const response = await io.http({
          url: `${url}/${file.path}`,
          method: "PUT",
          headers: { ...login, ...condition, "content-type": file.type, "cache-control": file.cache },
          body: file.text,
          signal: io.signal,
        });
        if (response.status === 412) {
          response.discard();
          return "lost";
        }
        if (response.status >= 300) throw await failure(response, `PUT ${url}/${file.path}`, io, variable);
        response.discard();
      }
      return "done";
    },

    async folders(io) {
      const response = await get("", io, { ...login, accept: "application/json" });
      if (response.status !== 200) throw await failure(response, `GET ${url}/`, io, variable);
      const entries = await response.json<unknown>(limit);
      if (!Array.isArray(entries)) throw new ReleaseError("REGISTRY", `GET ${url}/ gives no list of its folders`);
      return entries.flatMap((entry: { name?: unknown; type?: unknown } | null) =>
        entry?.type === "directory" && typeof entry.name === "string" ? [entry.name] : [],
      );
    },

    async fetch(file, io) {
      const response = await get(file, io);
      if (response.status === 404) {
        response.discard();
        return null;
      }
      if (response.status !== 200) throw await failure(response, `GET ${url}/${file}`, io, variable);
      return response.bytes(limit);
    },

    async preflight(io) {
      // Asks for the right to write without writing: no file has this mark.
      const response = await io.http({
        url: `${url}/channels/twotier-preflight`,
        method: "PUT",
        headers: { ...login, "if-match": '"twotier-preflight"' },
        body: "",
        signal: io.signal,
      });
      if (isBusy(response)) throw await failure(response, `PUT ${url}/`, io, variable);
      const { status } = response;
      response.discard();
      const finding = (message: string, hint: string): Finding[] => [
        { level: "error", target: "site", topic: "place", message, hint },
      ];
      if (status === 412) return [];
      if (status === 401 || status === 403) {
        return finding(
          `${url} doesn't take files from this token (${status})`,
          `set ${variable} to one that may write`,
        );
      }
      return finding(
        `${url} doesn't take files as a site does (${status})`,
        "check TWOTIER_SITE: a folder, or the address of `twotier registries`",
      );
    },
  };
}
