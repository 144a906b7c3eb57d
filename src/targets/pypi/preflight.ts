import type { Finding, Io, Remark, Topic } from "../../core/target.ts";
import { isProjectName } from "./names.ts";
import { readProject } from "./simple.ts";
import { probe, refusal } from "./upload.ts";

interface Context {
  upload: string;
  index: string;
  projects: readonly string[];
  username: string;
  token: () => Promise<string | undefined>;
}

/** Asks whether the index knows the credential, and which projects exist. Writes nothing: PyPI tells rights only to uploads. */
export async function preflight({ upload, index, projects, username, token }: Context, io: Io): Promise<Finding[]> {
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
  const secret = await token();
  const onPypi = /(^|\.)pypi\.org$/.test(new URL(upload).hostname);
  if (!secret) {
    add(
      "error",
      "no token for the Python index",
      "set PYPI_TOKEN to an API token of the project (https://pypi.org/manage/account/token/)",
    );
  } else if (onPypi && !secret.startsWith("pypi-")) {
    add(
      "error",
      "the token isn't one of PyPI's",
      "set PYPI_TOKEN to an API token, which begins with pypi-; passwords aren't taken",
    );
  } else {
    const answer = await probe({ upload, username, token: secret }, io);
    if ([401, 403].includes(answer.status) || (answer.status >= 300 && answer.status < 400)) {
      const error = refusal(answer, "the token", upload, io);
      add("error", error.message, error.hint ?? "check PYPI_TOKEN");
    }
  }
  await Promise.all(
    projects.filter(isProjectName).map(async (project) => {
      if ((await readProject(index, project, true, io)) !== null) return;
      add(
        "warning",
        `the Python index has no project ${project} yet: the first upload makes it`,
        "the token must then be for the whole account (or a pending trusted publisher); make one for the project afterwards",
        "new",
      );
    }),
  );
  return findings;
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
