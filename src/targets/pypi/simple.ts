import type { Io } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { Digest } from "../../lib/hash.ts";
import { retryAfterOf } from "../../lib/retry-after.ts";
import { normalizeName } from "./names.ts";

/** A file as an index lists it. */
export interface IndexFile {
  name: string;
  /** Absolute address, without a fragment. */
  url: string;
  /** Undefined where the index doesn't say. */
  sha256?: Digest;
  yanked: boolean;
  /** PEP 700. */
  uploaded?: Date;
  /** PEP 740: address of its attestations. */
  provenance?: string;
}

export interface ProjectPage {
  files: IndexFile[];
  /** PEP 700; undefined in HTML, and from older indexes. */
  versions?: string[];
}

const accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/**
 * A project's page of a Simple API: JSON (PEP 691) where the index has it, else HTML (PEP 503).
 *
 * @param index its address, e.g. `https://pypi.org/simple/`
 * @param fresh asks past caches, which keep a page for ten minutes on PyPI
 * @returns null where the index has no such project
 * @throws ReleaseError NETWORK, RATE_LIMITED, AUTH, REGISTRY
 */
export async function readProject(index: string, project: string, fresh: boolean, io: Io): Promise<ProjectPage | null> {
  const url = new URL(`${index.replace(/\/*$/, "/")}${normalizeName(project)}/`);
  if (fresh) url.searchParams.set("now", String(io.now().getTime()));
  const response = await io.http({
    url: url.href,
    headers: { accept, "cache-control": "no-cache" },
    signal: io.signal,
  });
  if (response.status === 404) {
    response.discard();
    return null;
  }
  if (response.status !== 200) {
    response.discard();
    const facts = { status: response.status, address: url.href };
    if (response.status === 429) {
      throw new ReleaseError("RATE_LIMITED", `the Python index asks to wait (reading ${project})`, {
        facts,
        retryable: true,
        retryAfter: retryAfterOf(response.headers, io.now()),
        hint: "run the same command again later",
      });
    }
    const refused = response.status === 401 || response.status === 403;
    throw new ReleaseError(
      refused ? "AUTH" : "REGISTRY",
      `the Python index answered ${response.status} for ${project}`,
      {
        facts,
        retryable: response.status >= 500,
        hint: "check targets.pypi.index in twotier.yaml: the address of a Simple API that is read without credentials",
      },
    );
  }
  const text = await response.text(64 << 20);
  if (/json/.test(response.headers["content-type"] ?? "")) return fromJson(text, response.url);
  return fromHtml(text, response.url);
}

function fromJson(text: string, url: string): ProjectPage {
  interface File {
    filename?: unknown;
    url?: unknown;
    hashes?: { sha256?: unknown };
    yanked?: unknown;
    provenance?: unknown;
    "upload-time"?: unknown;
  }
  let page: { files?: File[]; versions?: unknown[] };
  try {
    page = JSON.parse(text);
  } catch (cause) {
    throw new ReleaseError("REGISTRY", `${url} isn't JSON`, { cause });
  }
  if (!Array.isArray(page?.files)) throw new ReleaseError("REGISTRY", `${url} is no page of a Simple API`);
  const files = page.files.flatMap((file): IndexFile[] => {
    if (typeof file?.filename !== "string" || typeof file.url !== "string") return [];
    const yanked = file.yanked === true || typeof file.yanked === "string";
    const found = fileAt(file.filename, file.url, url, file.hashes?.sha256, yanked);
    if (!found) return [];
    const { provenance, "upload-time": time } = file;
    const at = typeof time === "string" ? Date.parse(time) : Number.NaN;
    if (!Number.isNaN(at)) found.uploaded = new Date(at);
    if (typeof provenance === "string" && URL.canParse(provenance, url)) {
      found.provenance = new URL(provenance, url).href;
    }
    return [found];
  });
  const versions = Array.isArray(page.versions)
    ? page.versions.filter((version) => typeof version === "string")
    : undefined;
  return { files, ...(versions ? { versions } : {}) };
}

function fromHtml(text: string, url: string): ProjectPage {
  const head = text.slice(0, 4096);
  const base = decodeEntities(/<base\s[^>]*href\s*=\s*["']([^"']+)["']/i.exec(head)?.[1] ?? "");
  const from = URL.canParse(base, url) ? new URL(base, url).href : url;
  const files: IndexFile[] = [];
  // Link after link, so that a page of tags without an end takes no longer than another.
  for (const link of text.split(/<a\s/i).slice(1)) {
    const [, attributes = "", label = ""] = /^([^>]*)>([^<]*)<\/a>/i.exec(link) ?? [];
    const href = /(?:^|\s)href\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(attributes);
    if (!href) continue;
    const target = decodeEntities(href[1] ?? href[2] ?? "");
    const fragment = target.includes("#") ? target.slice(target.indexOf("#") + 1) : "";
    const sha256 = new URLSearchParams(fragment).get("sha256") ?? undefined;
    const yanked = /(?:^|\s)data-yanked/i.test(attributes);
    const file = fileAt(decodeEntities(label.trim()), target, from, sha256, yanked);
    if (file) files.push(file);
  }
  return { files };
}

/** Null where the index names no address: nobody can install that. */
function fileAt(name: string, href: string, base: string, sha256: unknown, yanked: boolean): IndexFile | null {
  if (!URL.canParse(href, base)) return null;
  const url = new URL(href, base);
  url.hash = "";
  const known = typeof sha256 === "string" && /^[0-9a-f]{64}$/i.test(sha256);
  return { name, url: url.href, yanked, ...(known ? { sha256: `sha256:${sha256.toLowerCase()}` } : {}) };
}

function decodeEntities(text: string): string {
  const named: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, decimal, hex, name) => {
    const point = decimal ? Number(decimal) : hex ? Number.parseInt(hex, 16) : undefined;
    if (point !== undefined) return point <= 0x10ffff ? String.fromCodePoint(point) : all;
    const known = name.toLowerCase();
    return Object.hasOwn(named, known) ? (named[known] as string) : all;
  });
}
