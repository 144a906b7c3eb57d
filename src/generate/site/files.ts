/** How long caches may keep a file; hosting.ts and the stores say it in headers. */
export type Keeping =
  /** Never changes: `/v0.1.28/install.sh` */
  | "for ever"
  /** May be some minutes old: scripts and the page. */
  | "minutes"
  /** Always asked for: channel files. */
  | "never";

export type Channel = "production" | "staging";

/** One file of the site. */
export interface SiteFile {
  /** From the site's root, without a slash in front. */
  path: string;
  text: string;
  /** `content-type` */
  type: string;
  /** `cache-control` */
  cache: string;
}

const caching: Record<Keeping, string> = {
  "for ever": "public, max-age=31536000, immutable",
  minutes: "public, max-age=300",
  never: "no-cache",
};

/** The `cache-control` of each kind of address; hosts that take rules get these, object stores get them with each file. */
export const cacheRules: readonly { path: string; cache: string }[] = [
  { path: "/", cache: caching.minutes },
  { path: "/install.sh", cache: caching.minutes },
  { path: "/uninstall.sh", cache: caching.minutes },
  { path: "/staging/install.sh", cache: caching.minutes },
  { path: "/channels/*", cache: caching.never },
  { path: "/v*", cache: caching["for ever"] },
];

const types: Record<string, string> = {
  html: "text/html; charset=utf-8",
  json: "application/json",
};

/** A file with the headers that its name and keeping make. Scripts are text: browsers show them. */
export function siteFile(path: string, text: string, keeping: Keeping): SiteFile {
  const type = types[path.slice(path.lastIndexOf(".") + 1)] ?? "text/plain; charset=utf-8";
  return { path, text, type, cache: caching[keeping] };
}
