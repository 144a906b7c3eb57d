import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { diffGenerated, writeGenerated } from "./files.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "twotier-generate-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const file = { path: "scripts/a.sh", text: "one\ntwo\n", executable: true };

describe("generated files", () => {
  test("are written once, with their mode, and nothing beside them", async () => {
    expect(await writeGenerated(dir, [file])).toEqual([file.path]);
    expect(readFileSync(path.join(dir, file.path), "utf8")).toBe(file.text);
    expect(statSync(path.join(dir, file.path)).mode & 0o777).toBe(0o755);
    expect(await writeGenerated(dir, [file])).toEqual([]);
    expect(readdirSync(path.join(dir, "scripts"))).toEqual(["a.sh"]);
    expect(await diffGenerated(dir, [file])).toBe("");
  });

  test("that differ are shown as a diff that git takes; missing ones as new", async () => {
    expect(await diffGenerated(dir, [file])).toContain("--- /dev/null\n+++ b/scripts/a.sh\n");
    await writeGenerated(dir, [file]);
    writeFileSync(path.join(dir, file.path), "one\n2\n");
    expect(await diffGenerated(dir, [file])).toBe(
      "--- a/scripts/a.sh\n+++ b/scripts/a.sh\n@@ -1,2 +1,2 @@\n one\n-2\n+two\n",
    );
    expect(await writeGenerated(dir, [file])).toEqual([file.path]);
  });

  test("that lost their mode aren't current", async () => {
    await writeGenerated(dir, [file]);
    chmodSync(path.join(dir, file.path), 0o644);
    expect(await diffGenerated(dir, [file])).toContain("new mode 100755");
    expect(await writeGenerated(dir, [file])).toEqual([file.path]);
  });

  test("that can't be written are an IO error with the path", async () => {
    writeFileSync(path.join(dir, "scripts"), "a file where a folder should be");
    await expect(writeGenerated(dir, [file])).rejects.toMatchObject({
      code: "IO",
      message: expect.stringContaining(file.path),
    });
  });
});
