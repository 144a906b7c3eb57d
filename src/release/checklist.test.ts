import { describe, expect, it } from "vitest";
import { plainConfig } from "../../test/history.ts";
import type { Plan } from "../core/plan.ts";
import { type Evidence, renderChecklist } from "./checklist.ts";
import type { Row } from "./rows.ts";

const row = (target: Row["target"], what: Row["what"], id: string, state: Row["state"] = "ok"): Row => {
  return { target, what, id, state, text: "it is another" };
};
const plan = {
  tier: "production",
  tag: "v0.1.19",
  candidate: "v0.1.19-rc.2",
  changes: [{ sha: "a", subject: "fix: a", triggers: true }],
  conditions: [{ name: "window", holds: true, text: "it is fri 10:00" }],
} as unknown as Plan;
const evidence: Evidence = {
  plan,
  config: {
    ...plainConfig,
    checks: ["make test", "make lint"],
    targets: { npm: {} as never, docker: {} as never },
    installer: {} as never,
  },
  checked: [],
  changelog: null,
  verified: null,
  installed: null,
};

describe("the checklists", () => {
  it("tick nothing that nothing proves", () => {
    const text = renderChecklist({ ...evidence, plan: { ...plan, conditions: [] } });
    expect(text.match(/^### .*$/gm)).toEqual(["### Before Staging Release", "### Before Production Release (v0.1.19)"]);
    expect(text).not.toContain("[x]");
    expect(text.match(/^- \[ \] /gm)).toHaveLength(10);
  });

  it("tick what is proven, and say what differs", () => {
    const text = renderChecklist({
      ...evidence,
      checked: [
        { name: "checks", holds: true, text: "`make test` succeeds" },
        { name: "checks", holds: false, text: "`make lint` ended with exit code 2" },
        { name: "examples", holds: true, text: "the marked example of README.md runs" },
      ],
      changelog: { name: "changelog", holds: true, text: "CHANGELOG.md has a section for 0.1.19" },
      verified: [row("npm", "item", "a@0.1.19-rc.2")],
      installed: [row("npm", "install", "npm install a"), row("docker", "install", "skopeo copy b", "differs")],
    });
    expect(text).toBe(`### Before Staging Release

- [x] \`make test\` passes
- [ ] \`make lint\` passes: \\\`make lint\\\` ended with exit code 2
- [x] Changes are documented: CHANGELOG.md has a section for 0.1.19
- [ ] No critical security issues: for a person to judge

### Before Production Release (v0.1.19)

- [x] Staging release v0.1.19-rc.2 is what was sealed, everywhere: \`a@0.1.19-rc.2\`
- [x] SDK installation verified (\`pip install --pre\`, npm @next): \`npm install a\`
- [ ] Binary installation verified (\`install.sh --staging\`): nothing to try it with on this machine
- [ ] Docker image tested: \`skopeo copy b\`: it is another
- [x] CHANGELOG.md is updated: CHANGELOG.md has a section for 0.1.19
- [x] README.md examples work: the marked example of README.md runs
- [x] window: it is fri 10:00
`);
  });

  it("are one before a candidate", () => {
    const text = renderChecklist({ ...evidence, plan: { ...plan, tier: "staging", tag: "v0.1.19-rc.3" } });
    expect(text).toMatch(/^### Before Staging Release \(v0\.1\.19-rc\.3\)\n/);
    expect(text).not.toContain("Production");
  });
});
