import { describe, expect, it } from "vitest";
import { withSection } from "./changelog.ts";

const section = { version: "0.1.19", date: "2026-11-22", body: "### Fixed\n\n- a bug\n" };

describe("a changelog", () => {
  it("gets the new section above the newest one, below title and Unreleased", () => {
    const text = "# Changelog\n\nAll changes.\n\n## [Unreleased]\n\n- soon\n\n## [0.1.18] - 2026-01-01\n\n- old\n";
    expect(withSection(text, section)).toBe(
      "# Changelog\n\nAll changes.\n\n## [Unreleased]\n\n- soon\n\n## [0.1.19] - 2026-11-22\n\n### Fixed\n\n- a bug\n\n## [0.1.18] - 2026-01-01\n\n- old\n",
    );
  });
  it("begins with a title where there was nothing", () => {
    expect(withSection("", section)).toBe("# Changelog\n\n## [0.1.19] - 2026-11-22\n\n### Fixed\n\n- a bug\n");
  });
  it("goes below a title alone", () => {
    expect(withSection("# Changelog\n", section)).toBe(
      "# Changelog\n\n## [0.1.19] - 2026-11-22\n\n### Fixed\n\n- a bug\n",
    );
  });
  it("keeps a section that was written by hand, and its second run changes nothing", () => {
    const text = "# Changelog\n\n## v0.1.19\n\nby hand\n";
    expect(withSection(text, section)).toBe(text);
    const once = withSection("# C\n", section);
    expect(withSection(once, section)).toBe(once);
  });
  it("has no empty sections", () => {
    expect(withSection("# C\n", { ...section, body: " \n" })).toBe("# C\n");
  });
  it("keeps Windows line ends", () => {
    expect(withSection("# C\r\n\r\n## 0.1.18\r\n", section)).toBe(
      "# C\r\n\r\n## [0.1.19] - 2026-11-22\r\n\r\n### Fixed\r\n\r\n- a bug\r\n\r\n## 0.1.18\r\n",
    );
  });
});
