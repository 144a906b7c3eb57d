import type { Digest } from "../../lib/hash.ts";

/** `<name>` of the distribution specification, without the host. */
const repositoryName = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
/** `<reference>` as a tag. */
const tagName = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

export const isRepository = (name: string) => repositoryName.test(name) && name.length <= 255;
export const isTag = (tag: string) => tagName.test(tag);

/** A digest that can stand in an address and in a file name. */
export const isDigest = (text: string): text is Digest => /^sha256:[0-9a-f]{64}$/.test(text);

/** Where a registry's API is. */
export interface Registry {
  /** As people write it: `docker.io`, `127.0.0.1:5000` */
  host: string;
  /** `https://registry-1.docker.io` */
  base: string;
  /** Docker Hub has an API of its own for what the standard leaves out. */
  hub: boolean;
}

/** Reads a host as the config has it. http for this machine, https for all others, unless it says `http://` itself. */
export function parseRegistry(text: string): Registry {
  const written = /^(https?):\/\/(.*)$/.exec(text);
  const host = (written?.[2] ?? text).replace(/\/+$/, "");
  if (["docker.io", "index.docker.io", "registry-1.docker.io"].includes(host)) {
    return { host: "docker.io", base: "https://registry-1.docker.io", hub: true };
  }
  const here = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host);
  return { host, base: `${written?.[1] ?? (here ? "http" : "https")}://${host}`, hub: false };
}

/** `repo@sha256:...` or `repo:tag` taken apart. */
export function splitId(id: string): { repository: string; reference: string } {
  const at = id.indexOf("@");
  const cut = at >= 0 ? at : id.lastIndexOf(":");
  return { repository: id.slice(0, cut), reference: id.slice(cut + 1) };
}

/**
 * True where a token server may see the registry's credentials: on the registry's own host, or under the same domain
 * (`auth.docker.io` for `registry-1.docker.io`, `gitlab.com` for `registry.gitlab.com`), never in clear text for an https registry.
 */
export function mayAuthenticate(realm: URL, base: URL): boolean {
  if (base.protocol === "https:" && realm.protocol !== "https:") return false;
  if (realm.host === base.host) return true;
  const labels = base.hostname.split(".");
  const domain = labels.slice(1).join(".");
  // Two labels at least, and not `co.uk` or the like.
  const shared = labels.length >= 3 && !/^[\d.]+$|^(co|com|net|org|gov|ac|edu)\.[a-z]{2}$/.test(domain);
  return shared && (realm.hostname === domain || realm.hostname.endsWith(`.${domain}`));
}
