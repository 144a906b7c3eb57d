import { afterAll, beforeAll, expect, it } from "vitest";
import { commands, type Tier } from "./kill.ts";
import { makeTemplate, openWorld, type Template } from "./world.ts";

let template: Template;
beforeAll(async () => {
  template = await makeTemplate();
});
afterAll(() => template?.remove());

/** What a release asks the registries, as `REGISTRY METHOD path`, and how many of these were refused for want of a token. */
async function askedBy(tier: Tier): Promise<{ asked: string[]; refused: number }> {
  const asked: string[] = [];
  let refused = 0;
  let counting = false;
  const world = await openWorld(template, (registry) => async (request, response, handle) => {
    await handle(response);
    if (!counting) return;
    asked.push(`${registry} ${request.method} ${decodeURIComponent((request.url ?? "").replace(/\?.*/, ""))}`);
    if (response.statusCode === 401 && registry === "docker") refused++;
  });
  try {
    const clone = world.clone();
    counting = true;
    const { code, output } = await world.run(clone, commands[tier]).done;
    expect(code, output).toBe(0);
    return { asked, refused };
  } finally {
    await world.close();
  }
}

it.each([
  // Plan, preflight, before and after each of two files, as a user.
  ["staging", { draft: 5, page: 6, tags: 5 }],
  // And what its candidate's files are.
  ["production", { draft: 5, page: 7, tags: 6 }],
] as const)("%s asks no registry the same thing over and over", { timeout: 60_000 }, async (tier, most) => {
  const { asked, refused } = await askedBy(tier);
  const count = (pattern: RegExp) => asked.filter((one) => pattern.test(one)).length;
  // However many assets: before and after they are uploaded, after the seal, before and after it becomes public.
  expect(count(/^github GET \/repos\/example\/fast\/releases\/\d+$/)).toBeLessThanOrEqual(most.draft);
  expect(count(/^github POST \/api\/uploads/)).toBeGreaterThan(most.draft);
  expect(count(/^pypi GET \/simple\/fast-project\/$/)).toBeLessThanOrEqual(most.page);
  expect(count(/^npm GET \/-\/package\/@example\/fast\/dist-tags$/)).toBeLessThanOrEqual(most.tags);
  // One token to push with, one to pull with as anybody.
  expect(count(/^docker GET \/token$/)).toBe(2);
  expect(refused).toBe(2);
});
