import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { temporaryFolder } from "../lib/temporary.ts";
import { pythonVersion } from "../version/pep440.ts";
import { downloadModule } from "./install/module.ts";
import { installNpm, installPython } from "./install/packages.ts";
import { installBinary, platformHere, pullImage, runInstaller } from "./install/programs.ts";
import { trialIn } from "./install/tools.ts";
import type { Row } from "./rows.ts";
import type { Session } from "./session.ts";
import type { Subject } from "./subject.ts";

/**
 * Installs a release for real, each registry's part in a folder that is thrown away, by the programs that users use,
 * without credentials and without this machine's configuration; and runs the smoke commands of twotier.yaml.
 */
export async function installRows(session: Session, subject: Subject): Promise<Row[]> {
  const { manifest, resolved, items, release } = subject;
  if (!manifest) return [];
  const { io, git, remote } = session.job();
  const temp = await temporaryFolder(tmpdir(), "twotier-install");
  try {
    const trial = trialIn(temp, subject, io.signal);
    const has = (target: string) => items.some((item) => item.target === target);
    const here = await platformHere(trial);
    const rows: Promise<Row>[] = [];
    const { files } = manifest;
    if (has("pypi")) {
      const version = pythonVersion(release.version) ?? subject.version;
      const wheels = files.filter((file) => file.kind === "wheel");
      const alone = files.filter(
        (file) => file.kind === "sdist" && !wheels.some((one) => one.package === file.package),
      );
      for (const file of [...wheels, ...alone]) rows.push(installPython(trial, file, version));
    }
    if (has("npm")) for (const file of files) if (file.kind === "npm") rows.push(installNpm(trial, file));
    if (has("docker") && here) {
      for (const file of files.filter((one) => one.kind === "image")) {
        const item = items.find((one) => one.phase === "tag" && one.id.startsWith(`${file.package}:`));
        if (item) rows.push(pullImage(trial, item, file.artifact, here));
      }
    }
    if (has("github")) {
      for (const file of files)
        if (file.kind === "binary" && file.platform === here) rows.push(installBinary(trial, file, io));
      const script = await git(["cat-file", "blob", `${release.commit}:scripts/install.sh`], { ok: [0, 128] });
      const command = subject.config.installer?.command ?? files.find((file) => file.kind === "binary")?.artifact;
      if (subject.config.installer && script.code === 0 && command)
        rows.push(runInstaller(trial, script.stdout, command));
    }
    if (has("go") && remote !== null) {
      const address = (await git(["ls-remote", "--get-url", "--end-of-options", remote])).stdout.trim();
      for (const module of resolved.packages.go) {
        const tag =
          items.find((item) => item.target === "go" && item.id.startsWith(`${module.dir}/`))?.id ?? release.tag;
        rows.push(downloadModule(trial, module, tag, address));
      }
    }
    return await Promise.all(rows);
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
}
