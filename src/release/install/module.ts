import path from "node:path";
import { asReleaseError } from "../../lib/errors.ts";
import { exec } from "../../lib/exec.ts";
import type { Row } from "../rows.ts";
import { attempt, type Trial } from "./tools.ts";

/**
 * A Go module as `go mod download` gets it from its repository, past proxies; where go isn't installed, by git from its
 * tag.
 *
 * @param remote address of the repository, which stands for github.com's
 */
export function downloadModule(
  trial: Trial,
  module: { dir: string; module: string },
  tag: string,
  remote: string,
): Promise<Row> {
  const { subject, env, signal } = trial;
  const version = `v${subject.version}`;
  return attempt("go", `${module.module}@${version}`, async () => {
    const folder = await trial.folder(`go-${module.dir}`);
    const home = `https://github.com/${subject.config.repository}`;
    if (module.module.startsWith(`${home.slice("https://".length)}`)) {
      try {
        const variables = {
          ...{ GOPROXY: "direct", GOSUMDB: "off", GOFLAGS: "-modcacherw -mod=mod", GOTOOLCHAIN: "local" },
          ...{ GOMODCACHE: path.join(folder, "cache"), GOPATH: path.join(folder, "path") },
          ...{ GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: `url.${remote}.insteadOf`, GIT_CONFIG_VALUE_0: home },
        };
        const args = ["mod", "download", "-json", `${module.module}@${version}`];
        const { stdout } = await exec("go", args, { cwd: folder, env: { ...env, ...variables }, signal });
        const { Version, Sum } = JSON.parse(stdout) as { Version?: string; Sum?: string };
        if (Version !== version) throw new Error(`go downloaded ${Version}`);
        return `go downloads it (${Sum})`;
      } catch (thrown) {
        if (asReleaseError(thrown).code !== "TOOL_MISSING") throw thrown;
      }
    }
    const clone = [
      "-c",
      "advice.detachedHead=false",
      "clone",
      "--quiet",
      "--depth=1",
      "--branch",
      tag,
      remote,
      "module",
    ];
    await exec("git", clone, { cwd: folder, env, signal });
    await exec(
      "git",
      ["-C", path.join(folder, "module"), "cat-file", "-e", `HEAD:${path.posix.join(module.dir, "go.mod")}`],
      {
        env,
        signal,
      },
    );
    return "git gets it from its tag; go isn't there, or looks for it by another address";
  });
}
