import type { ReleaseFile } from "../../core/manifest.ts";
import type { Files, Io, Item, Mark, ReleaseContext, Seen, Target } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { type Digest, hashing } from "../../lib/hash.ts";
import { bounded } from "../../lib/http-answer.ts";
import type { IdTokens } from "../../lib/id-token.ts";
import { sharedRequests } from "../../lib/shared-requests.ts";
import { closedReleases } from "./closed.ts";
import { normalizeName, projectOfFile, toSemver, versionOfFile } from "./names.ts";
import { mintedTokens, publisherPage, type UploadTokens } from "./oidc.ts";
import { preflight, rightsUnknown } from "./preflight.ts";
import { attestationsOf } from "./provenance.ts";
import { type IndexFile, type ProjectPage, readProject } from "./simple.ts";
import { pypiUndo } from "./undo.ts";
import { type Answer, refusal, uploadFile } from "./upload.ts";

export interface PypiTargetOptions {
  /** `https://upload.pypi.org/legacy/` */
  upload: string;
  /** Simple API, read without credentials: `https://pypi.org/simple/` */
  index: string;
  token?: string;
  /** Where there is no token: what proves which CI job this is (trusted publishing). */
  idTokens?: IdTokens;
  /** Default `__token__`, as PyPI wants it; devpi and pypiserver have users. */
  username?: string;
  /** Names of all projects that this repository publishes. */
  projects: readonly string[];
  release?: ReleaseContext;
}

/** Wheels and sdists in a Python package index. There are no pointers: installers choose by version. */
export function createPypiTarget(options: PypiTargetOptions): Target {
  const { upload, index, projects } = options;
  const username = options.username ?? "__token__";
  const keyless = options.token === undefined && options.idTokens !== undefined;
  const token: UploadTokens = keyless
    ? mintedTokens(upload, options.idTokens as IdTokens, projects)
    : async () => options.token;
  /** Names of files that the index took, though it may not list them yet. */
  const accepted = new Set<string>();

  /** One page lists all files of a project: it is read once for those that are looked at side by side. */
  const share = sharedRequests();
  /** The pages as `observe` saw them last. */
  const seen = new Map<string, ProjectPage | null>();
  const find = async (item: Item, fresh: boolean, io: Io): Promise<IndexFile | undefined> => {
    const project = projectOf(item.id, projects);
    const page = await share(`${project} ${fresh}`, () => readProject(index, project, fresh, io));
    if (fresh) seen.set(project, page);
    return page?.files.find((file) => file.name === item.id);
  };

  const observe = async (item: Item, io: Io): Promise<Seen> => {
    const file = await find(item, true, io);
    if (!file)
      return accepted.has(item.id) ? { state: "pending", note: "accepted, not listed yet" } : { state: "absent" };
    const digest = file.sha256 ?? (await download(file, io));
    if (digest === undefined) return { state: "pending", note: "listed, but its bytes can't be had yet" };
    const marks: Mark[] = file.yanked ? ["yanked"] : [];
    return {
      state: "present",
      digest,
      note: file.yanked ? "yanked" : undefined,
      ...(marks.length > 0 ? { marks } : {}),
    };
  };

  const withToken = async (io: Io, refused?: string) => {
    const secret = await token(io, refused);
    if (secret) return { upload, username, token: secret };
    throw new ReleaseError("AUTH", "no token for the Python index", { hint: "set PYPI_TOKEN" });
  };
  /** An upload that is refused with a minted token is sent once more with another one: it may have expired on the way. */
  const send = async (item: Item, files: Files, io: Io): Promise<Answer> => {
    const credential = await withToken(io);
    const answer = await uploadFile(credential, item, files, io);
    if (answer.status !== 403 || !keyless) return answer;
    const other = await withToken(io, credential.token);
    return other.token === credential.token ? answer : uploadFile(other, item, files, io);
  };

  const rightsHint = (item: Item): string =>
    keyless
      ? `add this job to the trusted publishers of the project: ${publisherPage(upload, projectOf(item.id, projects))}; or set PYPI_TOKEN`
      : "set PYPI_TOKEN to a token that is valid and may upload to this project";

  return {
    name: "pypi",

    expect(files: readonly ReleaseFile[], _release: ReleaseContext) {
      const mine = files.filter(({ kind }) => kind === "wheel" || kind === "sdist");
      const items = mine.map((file): Item => {
        // An installer that finds only the sdist would build it: wheels first (uv does the same).
        const wheels = mine.filter((one) => one.kind === "wheel" && samePackage(one, file)).map(({ name }) => name);
        const after = file.kind === "sdist" && wheels.length > 0 ? { after: wheels } : {};
        return { target: "pypi", id: file.name, digest: file.sha256, file: file.name, phase: "public", ...after };
      });
      return { items, pointers: [] };
    },

    preflight: (io) => preflight({ upload, index, projects, username, token, keyless }, io),
    inspect: async () => [rightsUnknown(projects)],

    async versions(io) {
      const pages = await Promise.all(projects.map((project) => readProject(index, project, true, io)));
      const all = pages.flatMap((page, at) => [
        ...(page?.versions ?? []),
        ...(page?.files ?? []).flatMap(({ name }) => versionOfFile(name, projects[at] as string) ?? []),
      ]);
      return [...new Set(all.flatMap((version) => toSemver(version) ?? []))];
    },

    observe,

    async publish(item, files, io) {
      const answer = await send(item, files, io);
      if (answer.status >= 200 && answer.status < 300) {
        accepted.add(item.id);
        return;
      }
      const error = refusal(answer, `publishing ${item.id}`, upload, io, rightsHint(item));
      const exists = answer.status === 409 || (answer.status === 400 && /already exists/i.test(answer.message));
      if (!exists || error.code === "CONFLICT") throw error;
      // Warehouse compares for itself; others only say that the name is taken (registry-facts.md, PyPI).
      const file = await find(item, true, io);
      const found = file && (file.sha256 ?? (await download(file, io)));
      if (found === item.digest) return;
      throw new ReleaseError("CONFLICT", `the Python index already holds ${item.id} with other contents`, {
        facts: { expected: item.digest, found: found ?? "not listed", answer: answer.message },
        hint: "PyPI never takes a file name twice: release the next number (`twotier plan` shows it)",
      });
    },

    async publishedAt(io) {
      const version = options.release?.version;
      const pages = await Promise.all(projects.map((project) => readProject(index, project, true, io)));
      const times = pages.map((page, at) => {
        const mine = (page?.files ?? []).filter(({ name }) => {
          const spelled = versionOfFile(name, projects[at] as string);
          return spelled !== undefined && toSemver(spelled) === version;
        });
        return mine.length === 0 ? Number.NaN : Math.max(...mine.map((file) => file.uploaded?.getTime() ?? Number.NaN));
      });
      const last = Math.max(...times);
      return Number.isNaN(last) || times.length === 0 ? null : new Date(last);
    },

    attestations: async (item, io) => attestationsOf(await find(item, true, io), io),
    closed(missing, io) {
      // What was there when it was seen missing: since then a release can only have begun.
      const read = async (project: string) => seen.get(project) ?? readProject(index, project, true, io);
      return closedReleases(read, (file) => projectOf(file, projects), missing, io);
    },

    undo: pypiUndo({ upload, index, projectOf: (file) => projectOf(file, projects), credential: withToken }),
    address: index,

    async verify(item, io): Promise<Seen> {
      let file = await find(item, false, io);
      if (!file) {
        const seen = await observe(item, io);
        if (seen.state !== "present" || seen.digest !== item.digest) return seen;
        for (let look = 0; look < 5 && !file; look++) {
          await io.sleep(500 * 2 ** look);
          file = await find(item, false, io);
        }
        if (!file) return { state: "pending", note: "the index has it, but its cache doesn't list it yet" };
      }
      if (file.sha256 !== undefined && file.sha256 !== item.digest) return { state: "present", digest: file.sha256 };
      const digest = await download(file, io);
      if (digest === undefined) return { state: "pending", note: "listed, but its bytes can't be had yet" };
      return { state: "present", digest, note: file.yanked ? "yanked" : undefined };
    },
  };
}

/** The name under which a file's project was configured; else as the file name has it. */
function projectOf(file: string, projects: readonly string[]): string {
  return (
    projects.find((project) => versionOfFile(file, project) !== undefined && samePrefix(file, project)) ??
    projectOfFile(file)
  );
}

function samePrefix(file: string, project: string): boolean {
  return normalizeName(file.slice(0, project.length)) === normalizeName(project);
}

function samePackage(one: ReleaseFile, other: ReleaseFile): boolean {
  return (
    normalizeName(one.package ?? projectOfFile(one.name)) === normalizeName(other.package ?? projectOfFile(other.name))
  );
}

/** sha256 of a file as an installer gets it; undefined where it isn't there. */
async function download(file: IndexFile, io: Io): Promise<Digest | undefined> {
  const response = await io.http({ url: file.url, signal: io.signal });
  if (response.status === 404) {
    response.discard();
    return undefined;
  }
  if (response.status !== 200) {
    response.discard();
    throw new ReleaseError("REGISTRY", `downloading ${file.name} was answered with ${response.status}`, {
      facts: { address: file.url },
      retryable: response.status >= 500 || response.status === 429,
      hint: "the index lists it, but its file server doesn't give it: run the same command again",
    });
  }
  const hash = hashing(["sha256"]);
  try {
    for await (const chunk of bounded(response.body, file.url)) hash.update(chunk);
  } catch (cause) {
    if (cause instanceof ReleaseError) throw cause;
    throw new ReleaseError("NETWORK", `${file.url} broke off`, { retryable: true, cause });
  }
  return hash.end().digests.sha256;
}
