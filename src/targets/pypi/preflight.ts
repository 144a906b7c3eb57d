import type { Finding, Io, Remark, Topic } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { isProjectName } from "./names.ts";
import { siteOf, type UploadTokens } from "./oidc.ts";
import { readProject } from "./simple.ts";
import { probe, refusal } from "./upload.ts";

interface Context {
  upload: string;
  index: string;
  projects: readonly string[];
  username: string;
  token: UploadTokens;
  keyless: boolean;
}

/** Asks whether the index knows the credential, and which projects exist. Writes nothing: PyPI tells rights only to uploads. */
export async function preflight(context: Context, io: Io): Promise<Finding[]> {
  const { upload, index, projects } = context;
  const findings: Finding[] = [];
  const add = (level: Finding["level"], message: string, hint: string, topic: Topic = "token") =>
    findings.push({ level, target: "pypi", topic, message, hint });

  for (const project of projects.filter((name) => !isProjectName(name))) {
    add(
      "error",
      `${project} isn't a name that Python indexes take`,
      "letters, digits, and . - _ between them (PEP 508)",
      "name",
    );
  }
  const pages = await Promise.all(
    projects.filter(isProjectName).map(async (project) => ({
      project,
      there: (await readProject(index, project, true, io)) !== null,
    })),
  );
  const missing = pages.filter(({ there }) => !there).map(({ project }) => project);
  // A pending publisher's first token makes the project (warehouse/oidc/views.py), and preflight writes nothing.
  if (!context.keyless || missing.length === 0) await checkToken(context, add, io);
  for (const project of missing) {
    add(
      "warning",
      `the Python index has no project ${project} yet: the first upload makes it`,
      context.keyless
        ? `it needs a pending publisher for this job, which can't be asked about before: ${siteOf(upload)}/manage/account/publishing/`
        : "the token must then be for the whole account (or a pending trusted publisher); make one for the project afterwards",
      "new",
    );
  }
  return findings;
}

type Add = (level: Finding["level"], message: string, hint: string) => void;

async function checkToken(context: Context, add: Add, io: Io): Promise<void> {
  const { upload, username } = context;
  const { secret, refused } = await tokenOf(context, io);
  const onPypi = /(^|\.)pypi\.org$/.test(new URL(upload).hostname);
  if (refused) {
    add("error", refused.message, refused.hint ?? "check the trusted publisher");
  } else if (!secret) {
    add(
      "error",
      "no token for the Python index",
      "set PYPI_TOKEN to an API token of the project (https://pypi.org/manage/account/token/); or give the job `id-token: write` and the project a trusted publisher",
    );
  } else if (onPypi && !secret.startsWith("pypi-")) {
    add(
      "error",
      "the token isn't one of PyPI's",
      "set PYPI_TOKEN to an API token, which begins with pypi-; passwords aren't taken",
    );
  } else {
    const answer = await probe({ upload, username, token: secret }, io);
    // Who can't answer now can't take an upload either; that is said before the seal.
    if (answer.status === 429 || answer.status >= 500) throw refusal(answer, "preflight's question", upload, io);
    if (answer.status === 200 && /html/i.test(answer.response.headers["content-type"] ?? "")) {
      add(
        "error",
        `${upload} answers an upload with a web page: ${answer.message.slice(0, 100)}`,
        "check targets.pypi.upload, and whether a proxy stands in between",
      );
    }
    if ([401, 403].includes(answer.status) || (answer.status >= 300 && answer.status < 400)) {
      const error = refusal(answer, "the token", upload, io);
      add("error", error.message, error.hint ?? "check PYPI_TOKEN");
    }
  }
}

/** The token, or why there is none: minting is the only question that an index answers about a trusted publisher. */
async function tokenOf({ token }: Context, io: Io): Promise<{ secret?: string; refused?: ReleaseError }> {
  try {
    return { secret: await token(io) };
  } catch (thrown) {
    if (!(thrown instanceof ReleaseError) || thrown.code !== "AUTH") throw thrown;
    return { refused: thrown };
  }
}

/** PyPI has no question that an upload token answers but the upload itself (docs.pypi.org/api). */
export function rightsUnknown(projects: readonly string[]): Remark {
  return {
    level: "note",
    code: "pypi-rights",
    message: `a Python index doesn't say what a token may upload: ${projects.join(", ")} could not be asked about`,
    hint: "the first upload tells; a token for the project, or a trusted publisher, has the right and no other",
  };
}
