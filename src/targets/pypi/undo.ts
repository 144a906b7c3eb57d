import type { Io, Item, Retracted, Undo, UndoAction } from "../../core/target.ts";
import { excerpt, ReleaseError } from "../../lib/errors.ts";
import type { HttpRequest } from "../../lib/http.ts";
import { versionOfFile } from "./names.ts";
import { readProject } from "./simple.ts";

interface Context {
  upload: string;
  index: string;
  projectOf(file: string): string;
  credential(io: Io): Promise<{ username: string; token: string }>;
}

/** Indexes that delete over an API of their own, and how one knows them. */
type Kind = "devpi" | "pypiserver" | "web";

/**
 * Taking back releases: PyPI yanks and deletes on its web pages alone (warehouse#12708), so a person has to; devpi and
 * pypiserver delete over their APIs.
 */
export function pypiUndo(context: Context): Undo {
  const { index, projectOf } = context;
  return {
    async plan(items, about, io) {
      const projects = [...new Set(items.map((item) => projectOf(item.id)))];
      return Promise.all(
        projects.map((project) =>
          planned(
            context,
            project,
            items.filter((item) => projectOf(item.id) === project),
            about,
            io,
          ),
        ),
      );
    },
    async run({ id }, _about, io) {
      const [project = "", version = ""] = id.split("==");
      const { username, token } = await context.credential(io);
      const authorization = `Basic ${Buffer.from(`${username}:${token}`).toString("base64")}`;
      const base = context.upload.replace(/\/+$/, "");
      // An index that isn't volatile wants to be told that it is meant (devpi remove --force).
      const devpi: HttpRequest = {
        url: `${base}/${project}/${version}?force`,
        method: "DELETE",
        headers: { authorization },
      };
      const requests =
        (await kindOf(context, io)) === "devpi" ? [devpi] : removals(base, authorization, project, version);
      let answered = { status: 0, text: "" };
      for (const request of requests) {
        const response = await io.http({ ...request, signal: io.signal });
        answered = { status: response.status, text: excerpt((await response.text(1 << 20)).trim(), 200) };
        if (response.status < 300) return;
      }
      const { status, text } = answered;
      const refused = status === 401 || status === 403;
      throw new ReleaseError(refused ? "AUTH" : "REGISTRY", `the index refused to delete ${id}: ${status} ${text}`, {
        facts: { status, index },
        retryable: status >= 500,
        hint: refused ? "use a credential that may delete from this index" : "delete it on the index by hand",
      });
    },
  };
}

async function planned(
  context: Context,
  project: string,
  items: readonly Item[],
  { tier }: Retracted,
  io: Io,
): Promise<UndoAction> {
  const version = versionOfFile(items[0]?.id ?? "", project) ?? "";
  const id = `${project}==${version}`;
  const names = new Set(items.map((item) => item.id));
  const page = await readProject(context.index, project, true, io);
  const there = page?.files.filter((file) => names.has(file.name)) ?? [];
  const action = (way: "yank" | "delete", state: UndoAction["state"], text: string): UndoAction => {
    return { target: "pypi", id, way, state, text };
  };
  if (there.length === 0) return action("delete", "done", "isn't on the index");
  if (there.every((file) => file.yanked)) return action("yank", "done", "is yanked");
  if ((await kindOf(context, io)) !== "web") return action("delete", "todo", "delete its files");
  const address = manageAddress(context.index, project, version);
  return action(
    "yank",
    "manual",
    `the index has no API for it: open ${address}, choose "Yank" and confirm. pip then takes ${version} only where it is asked for by ==${version}; ${tier === "staging" ? "the next candidate" : "the next patch"} takes its place, because file names stay spent`,
  );
}

/** pypiserver compares names as files have them: `hanzo_playground` in wheels, either way in sdists. */
function removals(base: string, authorization: string, project: string, version: string): HttpRequest[] {
  return [...new Set([project.replaceAll("-", "_"), project])].map((name) => ({
    url: `${base}/`,
    method: "POST",
    headers: { authorization, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ ":action": "remove_pkg", name, version }).toString(),
  }));
}

/** Where a project's owner yanks a release on PyPI's pages. */
function manageAddress(index: string, project: string, version: string): string {
  return `${new URL(index).origin}/manage/project/${encodeURIComponent(project)}/release/${encodeURIComponent(version)}/`;
}

/** devpi answers at `/+api` (its clients ask there first); pypiserver says its name on its front page. */
async function kindOf({ upload }: Context, io: Io): Promise<Kind> {
  const { origin, hostname } = new URL(upload);
  if (/(^|\.)pypi\.org$/.test(hostname)) return "web";
  const read = async (path: string) => {
    const url = `${origin}${path}`;
    // pypiserver redirects addresses that it doesn't know, again and again.
    const response = await io.http({ url, headers: { accept: "*/*" }, redirect: "manual", signal: io.signal });
    const text = response.status === 200 ? await response.text(1 << 20) : "";
    if (response.status !== 200) response.discard();
    return { headers: response.headers, text };
  };
  const devpi = await read("/+api");
  if (devpi.headers["x-devpi-api-version"] !== undefined) return "devpi";
  return /pypiserver/i.test((await read("/")).text) ? "pypiserver" : "web";
}
