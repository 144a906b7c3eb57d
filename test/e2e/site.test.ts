import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Project, startProject } from "../support/project.ts";
import { needs } from "../tools.ts";

const config = `name: fast
repository: example/fast
version: { file: null }
artifacts:
  - { name: fast, type: go, dir: cmd, platforms: [linux/amd64] }
targets: { github: true, site: { branch: pages } }
installer: { url: "https://fast.example" }
`;

describe.skipIf(needs(["go"]))("a release with a site on a branch", () => {
  let project: Project;
  const show = async (file: string) => {
    await project.git(["fetch", "--quiet", "--no-tags", "origin", "+refs/heads/pages:refs/remotes/pages"]);
    return (await project.git(["show", `refs/remotes/pages:${file}`])).stdout;
  };
  const subjects = async () => {
    await show("install.sh");
    return (await project.git(["log", "--format=%s", "refs/remotes/pages"])).stdout.trim().split("\n");
  };

  beforeAll(async () => {
    project = await startProject({
      files: {
        "twotier.yaml": config,
        "cmd/go.mod": "module example.invalid/fast/cmd\n\ngo 1.19\n",
        "cmd/main.go": 'package main\n\nvar version = "dev"\n\nfunc main() { println(version) }\n',
      },
    });
    project.credentials.site = undefined;
  });
  afterAll(() => project?.close());

  test("plan shows the script and, last of all, the channel; it writes nothing", async () => {
    await project.push("feat: begin");
    const session = await project.session({ tier: "staging" });
    const { plan } = await session.plan();
    await session.close();
    expect(plan.items).toContainEqual({ target: "site", id: "v0.1.1-rc.1/install.sh", phase: "public", file: "" });
    const pointers = plan.steps.filter((step) => step.phase === "pointer").map((step) => step.text);
    expect(pointers).toEqual(["channels/staging.json -> 0.1.1-rc.1"]);
    expect([...(await project.refs()).keys()]).not.toContain("refs/heads/pages");
  });

  test("a candidate moves staging, production moves production, and the same again does nothing", async () => {
    const first = await project.release({ tier: "staging" });
    expect(first.moved).toContainEqual({ target: "site", name: "channels/staging.json", from: null, to: "0.1.1-rc.1" });
    expect(await show("channels/staging.txt")).toBe("0.1.1-rc.1\n");
    await expect(show("channels/production.txt")).rejects.toThrow();
    await project.push("fix: mend");
    await project.release({ tier: "staging" });
    const stable = await project.release({ tier: "production" });
    expect(stable.moved).toContainEqual({ target: "site", name: "channels/production.json", from: null, to: "0.1.1" });
    expect((await project.release({ tier: "production" })).released).toBe(false);
    expect(await show("channels/staging.txt")).toBe("0.1.1-rc.2\n");
    expect(JSON.parse(await show("channels/production.json")).version).toBe("0.1.1");
    expect(await subjects()).toEqual([
      "site: production is 0.1.1",
      "site: v0.1.1/install.sh",
      "site: staging is 0.1.1-rc.2",
      "site: v0.1.1-rc.2/install.sh",
      "site: staging is 0.1.1-rc.1",
      "site: v0.1.1-rc.1/install.sh",
    ]);
    expect(await show("v0.1.1/install.sh")).toContain("wanted=0.1.1 ");
  });

  test("a release that left it out brings it later, on request", async () => {
    await project.push("feat: more");
    const skip = [{ target: "site" as const, reason: "the site moves house" }];
    await project.release({ tier: "staging" }, { skip });
    expect(await show("channels/staging.txt")).toBe("0.1.1-rc.2\n");
    await project.release({ tier: "staging" }, { resume: "v0.1.2-rc.1" });
    expect(await show("channels/staging.txt")).toBe("0.1.2-rc.1\n");
    expect(await show("v0.1.2-rc.1/install.sh")).toContain("wanted=0.1.2-rc.1 ");
  });

  test("redirected, it goes to the site of this machine and to no branch", async () => {
    project.credentials.site = project.registries.site;
    const before = (await project.refs()).get("refs/heads/pages");
    await project.push("fix: again");
    await project.release({ tier: "staging" });
    const { folder } = project.registries.servers.site;
    expect(await readFile(path.join(folder, "channels/staging.txt"), "utf8")).toBe("0.1.2-rc.2\n");
    expect((await project.refs()).get("refs/heads/pages")).toBe(before);
  });
});
