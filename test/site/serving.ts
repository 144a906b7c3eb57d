import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseConfig } from "../../src/config/parse.ts";
import { resolveArtifacts } from "../../src/config/resolve.ts";
import { siteFiles, siteInput } from "../../src/generate/site/index.ts";
import { folderTree } from "../../src/git/folder.ts";
import { baseEnv } from "../../src/lib/exec.ts";
import { freePort } from "../contract/servers.ts";
import { exampleDir, startWorld, type World } from "../installer/world.ts";
import { toolPath } from "../tools.ts";

export interface Serving {
  /** `https://localhost:PORT` */
  url: string;
  world: World;
  /** Runs a command as a user types it, in an empty home folder that stays for the next one. */
  type(command: string): Promise<{ code: number | null; output: string }>;
  home: string;
  close(): Promise<void>;
}

export const released = {
  production: "0.1.18",
  staging: "0.1.19-rc.10",
  versions: ["0.1.19-rc.10", "0.1.18", "0.1.17"],
};

/** The example's site in nginx, by its own lines and with a certificate of its own, and a GitHub server with its releases. */
export async function startServing(): Promise<Serving> {
  const folder = mkdtempSync(path.join(tmpdir(), "twotier-serving-"));
  const at = (name: string) => path.join(folder, name);
  const port = await freePort();
  const url = `https://localhost:${port}`;
  const config = parseConfig(readFileSync(path.join(exampleDir, "twotier.yaml"), "utf8"));
  if (config.installer) config.installer.url = url;
  const input = siteInput(config, await resolveArtifacts(config, folderTree(exampleDir)));
  for (const file of siteFiles(input, released)) {
    mkdirSync(path.dirname(at(`www/${file.path}`)), { recursive: true });
    writeFileSync(at(`www/${file.path}`), file.text);
  }
  const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
  const key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost".split(
    " ",
  );
  const pem = ["-addext", names, "-keyout", at("key.pem"), "-out", at("cert.pem")];
  execFileSync(toolPath("openssl"), [...key, ...pem], { stdio: "ignore" });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((it) => `${it}_temp_path ${at("tmp")};`);
  writeFileSync(
    at("nginx.conf"),
    `daemon off; ${process.getuid?.() === 0 ? "user root;" : ""} worker_processes 1; pid ${at("pid")}; error_log ${at("error.log")};
events { }
http {
  access_log off; ${temporary.join(" ")}
  server {
    listen 127.0.0.1:${port} ssl; server_name localhost;
    ssl_certificate ${at("cert.pem")}; ssl_certificate_key ${at("key.pem")};
    root ${at("www")};
    include ${at("www/nginx.conf")};
  }
}
`,
  );
  const nginx = spawn(toolPath("nginx"), ["-c", at("nginx.conf"), "-e", at("error.log")], { stdio: "ignore" });
  const world = await startWorld([...released.versions].reverse());
  const home = at("home");
  mkdirSync(home);
  writeFileSync(at("wgetrc"), `ca_certificate = ${at("cert.pem")}\n`);
  const { PATH = "" } = baseEnv();
  const env = {
    PATH,
    HOME: home,
    CURL_CA_BUNDLE: at("cert.pem"),
    SSL_CERT_FILE: at("cert.pem"),
    WGETRC: at("wgetrc"),
    PLAYGROUND_GITHUB_URL: world.github("site"),
  };
  const type: Serving["type"] = async (command) => {
    const child = spawn("sh", ["-c", command], { env, cwd: home, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const [code] = await once(child, "close");
    return { code, output };
  };
  const close = async () => {
    if (nginx.exitCode === null && nginx.pid !== undefined) {
      nginx.kill("SIGTERM");
      await once(nginx, "exit");
    }
    await world.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const answers = await type(
    `curl -fsS --retry 50 --retry-delay 0 --retry-max-time 20 --retry-connrefused -o /dev/null ${url}/`,
  );
  if (answers.code !== 0) {
    const log = readFileSync(at("error.log"), "utf8");
    await close();
    throw new Error(`nginx didn't start: ${answers.output}${log}`);
  }
  return { url, world, type, home, close };
}
