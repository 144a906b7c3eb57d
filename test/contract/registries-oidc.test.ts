import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type NpmRegistry, startNpm } from "../../src/registries/npm/index.ts";
import { type Issuer, jobClaims, startIssuer } from "../../src/registries/oidc/index.ts";
import { type PypiRegistry, startPypi } from "../../src/registries/pypi/index.ts";
import { needs, toolPath } from "../tools.ts";
import { pythonFiles } from "./python.ts";
import { run, runOk, temporary } from "./run.ts";

// Trusted publishing by the clients that the registries' makers wrote: what our servers say is what they expect.

let home: Awaited<ReturnType<typeof temporary>>;
let ci: Issuer;
/** What GitHub Actions gives a job that has `id-token: write`. */
let job: Record<string, string>;
beforeAll(async () => {
  home = await temporary();
  ci = await startIssuer({ claims: jobClaims("hanzoai/playground", "staging") });
  job = {
    GITHUB_ACTIONS: "true",
    ACTIONS_ID_TOKEN_REQUEST_URL: ci.requestUrl,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: ci.requestToken,
  };
});
afterAll(async () => {
  await ci?.close();
  await home?.remove();
});

const noNpm = needs(["npm"]);

describe.skipIf(noNpm)(`npm's own client, keyless, on our npm registry${noNpm ? ` [skipped: ${noNpm}]` : ""}`, () => {
  let registry: NpmRegistry;
  const name = "@hanzo/playground";
  beforeAll(async () => {
    const publishers = [
      { name, repository: "hanzoai/playground", workflow: "release.yml" },
      { name: "@hanzo/others", repository: "hanzoai/others" },
      { name: "@hanzo/new", repository: "hanzoai/playground" },
    ];
    registry = await startNpm({ token: "right-token", maxAge: 0, trusted: { verify: ci.verify, publishers } });
    await registry.seed({ name, version: "0.0.0" });
    await registry.seed({ name: "@hanzo/others", version: "0.0.0" });
    const quiet = ["update-notifier=false", "fund=false", `cache=${path.join(home.folder, "cache")}`];
    await writeFile(path.join(home.folder, ".npmrc"), [`registry=${registry.url}/`, ...quiet].join("\n"));
  });
  afterAll(() => registry?.close());

  const publish = async (what: string, version: string, env: Record<string, string>) => {
    const folder = path.join(home.folder, `${what.replace(/\W/g, "-")}-${version}`);
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, "package.json"), JSON.stringify({ name: what, version }));
    return run(toolPath("npm"), ["publish", "--tag", "next", "--access", "public", "--loglevel", "verbose"], {
      cwd: folder,
      env: { HOME: home.folder, npm_config_userconfig: path.join(home.folder, ".npmrc"), ...env },
    });
  };
  const versions = async (what: string) => {
    const answer = await fetch(`${registry.url}/${what.replace("/", "%2f")}`);
    return Object.keys(((await answer.json()) as { versions?: object }).versions ?? {});
  };

  test("publishes without a token, as the job that the package trusts", async () => {
    const ran = await publish(name, "0.1.0-rc.1", job);
    expect(ran.code, ran.output).toBe(0);
    expect(ran.output).toContain("oidc Successfully retrieved and set token");
    expect(await versions(name)).toEqual(["0.0.0", "0.1.0-rc.1"]);
  });

  test("publishes with an ID token that the CI gave the job in NPM_ID_TOKEN", async () => {
    const ran = await publish(name, "0.1.0-rc.2", { GITLAB_CI: "true", NPM_ID_TOKEN: ci.issue("npm:127.0.0.1") });
    expect(ran.code, ran.output).toBe(0);
    expect(await versions(name)).toContain("0.1.0-rc.2");
  });

  const refused: [string, string, () => Record<string, string>, RegExp][] = [
    ["for another repository's package", "@hanzo/others", () => job, /OIDC token exchange error - package not found/],
    ["for a package that isn't there", "@hanzo/new", () => job, /OIDC token exchange error - package not found/],
    [
      "with an ID token for another audience",
      name,
      () => ({ ...job, NPM_ID_TOKEN: ci.issue("pypi") }),
      /OIDC token exchange error - its audience is pypi/,
    ],
    ["outside of a CI", name, () => ({}), /ENEEDAUTH/],
  ];
  test.each(refused)("isn't let in %s", async (_, what, env, why) => {
    const before = await versions(what);
    const ran = await publish(what, "0.2.0", env());
    expect(ran.code).not.toBe(0);
    expect(ran.output).toMatch(why);
    expect(await versions(what)).toEqual(before);
  });

  test("an exchanged token publishes its own package and does nothing else, until it expires", async () => {
    const clock = { now: new Date() };
    const now = () => clock.now;
    const issuer = await startIssuer({ now });
    const short = await startNpm({ now, token: "right-token", trusted: { verify: issuer.verify, tokenSeconds: 60 } });
    try {
      await short.seed({ name, version: "0.0.0" });
      await short.seed({ name: "other", version: "0.0.0" });
      const exchanged = await fetch(`${short.url}/-/npm/v1/oidc/token/exchange/package/@hanzo%2fplayground`, {
        method: "POST",
        headers: { authorization: `Bearer ${issuer.issue("npm:127.0.0.1")}` },
      });
      expect(exchanged.status).toBe(201);
      const { token } = (await exchanged.json()) as { token: string };
      const status = async (method: string, at: string) => {
        const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
        return (await fetch(`${short.url}${at}`, { method, headers, body: method === "PUT" ? '"0.0.0"' : undefined }))
          .status;
      };
      expect(await status("PUT", "/-/package/@hanzo%2fplayground/dist-tags/next")).toBe(401);
      expect(await status("GET", "/-/whoami")).toBe(401);
      expect(await status("PUT", "/other")).toBe(401);
      expect(await status("PUT", "/@hanzo%2fplayground")).not.toBe(401);
      clock.now = new Date(clock.now.getTime() + 61_000);
      expect(await status("PUT", "/@hanzo%2fplayground")).toBe(401);
    } finally {
      await short.close();
      await issuer.close();
    }
  });
});

const noPython = needs(["python3", "venv-python", "twine", "uv", "openssl", "curl"]);

describe.skipIf(noPython)(
  `Python's own clients, keyless, on our index${noPython ? ` [skipped: ${noPython}]` : ""}`,
  () => {
    let registry: PypiRegistry;
    let secure: PypiRegistry;
    let clock = new Date();
    /** Both ask for tokens over https alone. */
    const cert = () => path.join(home.folder, "cert.pem");
    const name = "hanzo-playground";
    beforeAll(async () => {
      const publishers = [{ name, repository: "hanzoai/playground", environment: "staging" }];
      const [key, file] = [path.join(home.folder, "key.pem"), cert()];
      const subject = [
        "-subj",
        "/CN=127.0.0.1",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
      ];
      const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
      await runOk(toolPath("openssl"), [...request, "-keyout", key, "-out", file, ...subject]);
      const tls = { key: await readFile(key, "utf8"), cert: await readFile(file, "utf8") };
      const trusted = { verify: ci.verify, publishers };
      registry = await startPypi({ token: "right", now: () => clock, trusted });
      secure = await startPypi({ token: "right", trusted, tls });
    });
    afterAll(async () => {
      await registry?.close();
      await secure?.close();
    });

    const build = (version: string, project = name) =>
      pythonFiles(toolPath("python3"), {
        folder: path.join(home.folder, `${project}-${version}`),
        name: project,
        version,
      });
    const uv = (files: string[], env: Record<string, string> = job) =>
      run(
        toolPath("uv"),
        ["publish", "--trusted-publishing", "always", "--publish-url", `${secure.url}/legacy/`, ...files],
        {
          cwd: home.folder,
          env: { HOME: home.folder, UV_CACHE_DIR: path.join(home.folder, "uv"), SSL_CERT_FILE: cert(), ...env },
        },
      );
    const files = async () => {
      const url = `${secure.url}/simple/${name}/`;
      const accept = "accept: application/vnd.pypi.simple.v1+json";
      const page = await runOk(toolPath("curl"), ["--silent", "--cacert", cert(), "--header", accept, url]);
      return (JSON.parse(page.stdout) as { files: { filename: string }[] }).files.map((file) => file.filename);
    };

    test("uv uploads without a token, as the job that the project trusts", async () => {
      const { wheel, sdist } = await build("0.1.0");
      const ran = await uv([wheel, sdist]);
      expect(ran.code, ran.output).toBe(0);
      expect((await files()).sort()).toEqual([wheel, sdist].map((file) => path.basename(file)).sort());
    });

    test("uv isn't let in for another project, nor from another job, and says why", async () => {
      const { wheel } = await build("0.1.0", "hanzo-others");
      const others = await uv([wheel]);
      expect(others.code).not.toBe(0);
      expect(others.output).toContain("not valid for project 'hanzo-others'");

      const elsewhere = await startIssuer({ claims: jobClaims("somebody/else", "staging") });
      const stranger = { ...job, ACTIONS_ID_TOKEN_REQUEST_URL: elsewhere.requestUrl };
      const ran = await uv([(await build("0.1.1")).wheel], {
        ...stranger,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: elsewhere.requestToken,
      });
      await elsewhere.close();
      expect(ran.code).not.toBe(0);
      expect(ran.output).toMatch(/invalid-token/);
    });

    test("an ID token mints once, and what it mints is good for 15 minutes", async () => {
      const idToken = ci.issue("pypi");
      const mint = async (token: unknown) => {
        const body = JSON.stringify({ token });
        const answer = await fetch(`${registry.url}/_/oidc/mint-token`, { method: "POST", body });
        return { status: answer.status, ...((await answer.json()) as { token?: string; errors?: { code: string }[] }) };
      };
      expect(await (await fetch(`${registry.url}/_/oidc/audience`)).json()).toEqual({ audience: "pypi" });
      const minted = await mint(idToken);
      expect(minted).toMatchObject({ status: 200, success: true });
      const codes: [unknown, string][] = [
        [idToken, "invalid-reuse-token"],
        [ci.issue("npm:127.0.0.1"), "invalid-token"],
        [`${idToken}x`, "invalid-token"],
        [ci.issue("pypi", { environment: "production" }), "invalid-publisher"],
        [7, "invalid-payload"],
      ];
      for (const [token, code] of codes) expect(await mint(token)).toMatchObject({ status: 422, errors: [{ code }] });

      const knows = async () => {
        const authorization = `Basic ${Buffer.from(`__token__:${minted.token}`).toString("base64")}`;
        const form = new FormData();
        form.append(":action", "file_upload");
        return (await fetch(`${registry.url}/legacy/`, { method: "POST", headers: { authorization }, body: form }))
          .status;
      };
      expect(await knows()).toBe(400);
      clock = new Date(clock.getTime() + 901_000);
      expect(await knows()).toBe(403);
      clock = new Date();
    });

    test("twine uploads without a token where it takes the index for PyPI", async () => {
      const { wheel, sdist } = await build("0.2.0");
      const url = `${secure.url}/legacy/`;
      // twine asks for an ID token only where the address is PyPI's: it is told another one, and runs as it is otherwise.
      const program = [
        "import sys, twine.utils",
        `twine.utils.DEFAULT_REPOSITORY = ${JSON.stringify(url)}`,
        "from twine.__main__ import main",
        "sys.exit(main())",
      ].join("\n");
      const args = ["upload", "--non-interactive", "--disable-progress-bar", "--repository-url", url, wheel, sdist];
      const ran = await run(toolPath("venv-python"), ["-c", program, ...args], {
        cwd: home.folder,
        env: { HOME: home.folder, REQUESTS_CA_BUNDLE: cert(), COLUMNS: "400", ...job },
      });
      expect(ran.code, ran.output).toBe(0);
      expect(ran.output).toContain("Minted upload token for trusted publishing");
      expect(await files()).toContain(path.basename(sdist));
    });
  },
);
