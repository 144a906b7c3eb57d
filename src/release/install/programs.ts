import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ReleaseFile } from "../../core/manifest.ts";
import type { Io, Item } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { exec } from "../../lib/exec.ts";
import { digestFile } from "../../lib/hash.ts";
import type { Row } from "../rows.ts";
import { copyFromImage } from "./image-file.ts";
import { pull } from "./pull.ts";
import { addressOf, attempt, smokeTest, type Trial } from "./tools.ts";

const systems: Record<string, string> = { Linux: "linux", Darwin: "darwin" };
const machines: Record<string, string> = { x86_64: "amd64", amd64: "amd64", aarch64: "arm64", arm64: "arm64" };

/** `linux/amd64`, as `uname` says it; null on other machines. */
export async function platformHere({ env, signal }: Trial): Promise<string | null> {
  const { stdout } = await exec("uname", ["-sm"], { env, signal });
  const [system = "", machine = ""] = stdout.trim().split(" ");
  return systems[system] && machines[machine] ? `${systems[system]}/${machines[machine]}` : null;
}

/** The binary as it is downloaded: by the repository's install script where it has one, else by its address. */
export function installBinary(trial: Trial, file: ReleaseFile, io: Io): Promise<Row> {
  const { subject } = trial;
  const command = file.artifact;
  return attempt("github", file.name, async () => {
    const folder = await trial.folder(`binary-${command}`);
    const { config, release } = subject;
    const url = `${addressOf(trial, "github")}/${config.repository}/releases/download/${encodeURIComponent(release.tag)}/${encodeURIComponent(file.name)}`;
    const response = await io.http({ url, signal: io.signal });
    if (response.status !== 200) {
      response.discard();
      throw new ReleaseError("REGISTRY", `${url} was answered with ${response.status}`, {
        hint: "run the same command again; if it stays so, look at the release's page",
      });
    }
    const program = path.join(folder, command);
    await writeFile(program, await response.bytes(2 ** 31));
    const { digests } = await digestFile(program, ["sha256"], io.signal);
    if (digests.sha256 !== file.sha256) {
      const facts = { expected: file.sha256, found: digests.sha256 };
      throw new ReleaseError("CONFLICT", `the downloaded ${file.name} has other bytes`, { facts });
    }
    await chmod(program, 0o755);
    const smoke = trial.smoke(file.artifact);
    return smoke === null ? "downloaded, the bytes of the manifest" : smokeTest(trial, smoke, folder, [folder]);
  });
}

/** The repository's own install script, into a home of its own, for this very version. */
export function runInstaller(trial: Trial, script: string, command: string): Promise<Row> {
  const { subject, env, signal } = trial;
  return attempt("github", "install.sh", async () => {
    const home = await trial.folder("installer");
    const file = path.join(home, "install.sh");
    await writeFile(file, script);
    const prefix = command
      .toUpperCase()
      .replace(/[^A-Z0-9]/g, "_")
      .replace(/^(?=\d)/, "_");
    const directory = path.join(home, "bin");
    const staging = subject.tier === "staging" ? ["--staging"] : [];
    const variables = {
      [`${prefix}_GITHUB_URL`]: addressOf(trial, "github"),
      [`${prefix}_INSTALL_DIR`]: directory,
      [`${prefix}_NO_MODIFY_PATH`]: "1",
    };
    const args = [file, ...staging, "--version", subject.release.tag];
    await exec("sh", args, { cwd: home, env: { ...env, ...variables, HOME: home }, signal, timeout: 300_000 });
    const smoke = trial.smoke(command);
    if (smoke === null) return "ran to its end";
    if (subject.tier === "production") return smokeTest(trial, smoke, home, [directory]);
    // It installs a candidate as COMMAND-staging, beside the stable one; the smoke command knows one name.
    const programs = path.join(home, "programs");
    await mkdir(programs);
    await symlink(path.join(directory, `${command}-staging`), path.join(programs, command));
    return smokeTest(trial, smoke, home, [programs, directory]);
  });
}

/** The image as it is pulled for this platform; its binary is run, without a container, where a smoke command is configured. */
export function pullImage(trial: Trial, item: Item, artifact: string, platform: string): Promise<Row> {
  return attempt("docker", item.id, async () => {
    const folder = await trial.folder(`image-${item.id}`);
    const image = await pull(trial, `${addressOf(trial, "docker")}/${item.id}`, platform, folder);
    const label = image.labels["org.opencontainers.image.version"];
    if (label !== undefined && label !== trial.subject.version) throw new Error(`its version label says ${label}`);
    const smoke = trial.smoke(artifact);
    if (smoke === null) return "pulled";
    const { architecture, entry, layers } = image;
    if (architecture !== platform.split("/")[1]) return `pulled; it is for ${architecture}, so its binary isn't run`;
    if (entry === undefined) throw new Error("the image has no entrypoint to run");
    const programs = path.join(folder, "programs");
    await mkdir(programs, { recursive: true });
    await copyFromImage(layers, entry, path.join(programs, path.basename(entry)));
    return smokeTest(trial, smoke, folder, [programs]);
  });
}
