import { spawn } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Project, projectToken, startProject } from "../support/project.ts";
import { root } from "../tools.ts";

let project: Project;
let service: Server;
/** What the service was sent, and what it answers. */
let bodies: { event: string; tag: string | null; text: string; error: { code: string } | null }[] = [];
let status = 200;

beforeAll(async () => {
  service = createServer((request, response) => {
    if (request.url?.startsWith("/never")) return;
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      bodies.push(JSON.parse(body));
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  // Only a page: what is built and published doesn't matter here.
  const yaml = `name: fast
repository: example/fast
artifacts: []
targets: { github: true }
notify:
  - { type: webhook, env: HOOK }
  - { type: slack, env: NOT_SET, on: [production] }
`;
  project = await startProject({ files: { "twotier.yaml": yaml } });
  await project.push("feat: agents");
});
afterAll(async () => {
  service.close();
  service.closeAllConnections();
  await project.close();
});

function twotier(args: string[], variables: Record<string, string> = {}) {
  const { github } = project.registries;
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/hooks/the-secret-path`;
  bodies = [];
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = spawn(process.execPath, [path.join(root, "src/cli/bin.ts"), ...args], {
      cwd: project.dir,
      env: {
        ...{ PATH: process.env.PATH, HOME: project.dir, NO_COLOR: "1", HOOK: url },
        ...{ GITHUB_TOKEN: projectToken, GITHUB_API_URL: github, GITHUB_SERVER_URL: github, ...variables },
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const out = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => (out.stdout += chunk));
    child.stderr.on("data", (chunk) => (out.stderr += chunk));
    child.on("close", (code) => resolve({ code, ...out }));
  });
}

test("nobody hears of a plan, or of a dry run", async () => {
  await Promise.all([twotier(["plan", "--tier", "staging"]), twotier(["release", "--tier", "staging", "--dry-run"])]);
  expect(bodies).toEqual([]);
});

test("a failure is told with its error, and stays the same failure", async () => {
  const failed = await twotier(["release", "--tier", "production"]);
  expect(failed.code).toBe(0); // nothing to finalise is no failure
  expect(bodies).toEqual([]);
  const refused = await twotier(["release", "--tier", "staging"], { GITHUB_TOKEN: "" });
  expect(refused.code).not.toBe(0);
  expect(bodies).toMatchObject([{ event: "failure", error: { code: expect.any(String) } }]);
  expect(refused.stderr).toContain(`error[${bodies[0]?.error?.code}]`);
  expect(JSON.stringify(bodies)).not.toContain(projectToken);
});

test("a release that took too long is told", async () => {
  const silent = `http://127.0.0.1:${(service.address() as AddressInfo).port}/never`;
  const late = await twotier(["release", "--tier", "staging", "--timeout", "0.04"], { GITHUB_API_URL: silent });
  expect(late.stderr).toContain("error[INTERRUPTED]: the release took longer");
  expect(bodies).toMatchObject([{ event: "failure", error: { code: "INTERRUPTED" } }]);
});

test("a release is told with what changed and where; a service that fails is a warning and nothing more", async () => {
  status = 500;
  const released = await twotier(["release", "--tier", "staging"]);
  expect(released.code, released.stderr).toBe(0);
  expect(released.stdout).toContain("fast 0.1.1-rc.1 is released");
  expect(released.stderr).toContain("warning: webhook wasn't told: the address in HOOK answered 500");
  expect(released.stdout + released.stderr).not.toContain("the-secret-path");
  expect(bodies).toMatchObject([{ event: "staging", tag: "v0.1.1-rc.1", error: null }]);
  expect(bodies[0]?.text).toContain("/example/fast/releases/tag/v0.1.1-rc.1\n• feat: agents");
  const again = await twotier(["release", "--tier", "staging"]);
  expect(again.code).toBe(0);
  expect(bodies).toEqual([]);
});
