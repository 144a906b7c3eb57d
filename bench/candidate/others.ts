import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Git } from "../../src/git/push.ts";
import { startGithub } from "../../src/registries/github/index.ts";
import { startNpm } from "../../src/registries/npm/index.ts";
import { startOci } from "../../src/registries/oci/index.ts";
import { startPypi } from "../../src/registries/pypi/index.ts";
import { tool } from "../../test/tools.ts";
import { run } from "../measure.ts";

/** What a release by hand is made with. */
export const programs = ["npm", "twine", "skopeo", "gh", "openssl"] as const;

export interface Release {
  /** Folder with the assets of the release, and the image as the OCI layout `image`. */
  files: string;
  version: string;
  /** The repository's name, `owner/name`. */
  repository: string;
  branch: string;
  git: Git;
  token: string;
}

/**
 * Sends a release by the ecosystems' own programs, one after the other, to registries that are new and empty.
 *
 * @returns milliseconds of each program
 */
export async function others(release: Release, parent: string): Promise<Record<string, number>> {
  const { files, version, repository, token } = release;
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(path.join(parent, "round-"));
  const tls = await certificate(folder);
  const [npm, pypi, oci, github] = await Promise.all([
    startNpm({ token }),
    startPypi({ token }),
    startOci({ token }),
    startGithub({ token, tls: { key: await readFile(tls.key, "utf8"), cert: await readFile(tls.cert, "utf8") } }),
  ]);
  try {
    const host = github.host.replace("127.0.0.1", "localhost");
    const header = `http.extraHeader=Authorization: Basic ${Buffer.from(`x:${token}`).toString("base64")}`;
    const remote = `${github.git}/${repository}.git`;
    await release.git([
      "-c",
      "http.sslVerify=false",
      "-c",
      header,
      "push",
      "--quiet",
      remote,
      `HEAD:refs/heads/${release.branch}`,
    ]);

    const names = (await readdir(files)).filter((name) => name !== "image");
    const of = (...endings: string[]) =>
      names.filter((name) => endings.some((ending) => name.endsWith(ending))).map((name) => path.join(files, name));
    const npmrc = path.join(folder, "npmrc");
    await writeFile(npmrc, `registry=${npm.url}/\n//${npm.host}/:_authToken=${token}\n`);
    const gh = {
      GH_HOST: host,
      GH_ENTERPRISE_TOKEN: token,
      GH_CONFIG_DIR: path.join(folder, "gh"),
      GH_NO_UPDATE_NOTIFIER: "1",
      GH_PROMPT_DISABLED: "1",
      SSL_CERT_FILE: tls.cert,
    };
    const commands: [(typeof programs)[number], string[], Record<string, string>][] = [
      [
        "npm",
        ["publish", ...of(".tgz"), "--tag", "next", "--silent"],
        { npm_config_userconfig: npmrc, npm_config_cache: path.join(folder, "cache") },
      ],
      [
        "twine",
        [
          "upload",
          "--non-interactive",
          "--disable-progress-bar",
          "--repository-url",
          `${pypi.url}/legacy/`,
          ...of(".whl", ".tar.gz"),
        ],
        { TWINE_USERNAME: "__token__", TWINE_PASSWORD: token },
      ],
      [
        "skopeo",
        [
          ...["copy", "--quiet", "--all", "--dest-tls-verify=false", "--dest-creds", `bench:${token}`],
          ...[`oci:${path.join(files, "image")}`, `docker://${oci.host}/bench/image:staging-${version}`],
        ],
        {},
      ],
      [
        "gh",
        [
          ...["release", "create", `v${version}`, "--repo", `${host}/${repository}`, "--prerelease"],
          ...["--title", version, "--notes", "a candidate", ...names.map((name) => path.join(files, name))],
        ],
        gh,
      ],
    ];
    const times: Record<string, number> = {};
    for (const [name, args, env] of commands) {
      times[name] = (await run(tool(name) as string, args, { cwd: folder, env })).ms;
    }
    return times;
  } finally {
    await Promise.all([npm, pypi, oci, github].map((one) => one.close()));
    await rm(folder, { recursive: true, force: true });
  }
}

/** gh speaks only https: a certificate that this bench makes and names in SSL_CERT_FILE. */
async function certificate(folder: string): Promise<{ key: string; cert: string }> {
  const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  await run(tool("openssl") as string, [...request, "-keyout", key, "-out", cert, "-days", "2", ...names]);
  return { key, cert };
}
