import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeUsers } from "./fixture.ts";
import { startWorld, type World } from "./world.ts";

let world: World;
let user: Awaited<ReturnType<typeof makeUsers>>;
beforeAll(async () => {
  world = await startWorld(["0.1.17", "0.1.18", "0.1.19-rc.1", "0.1.19-rc.2", "0.1.19-rc.10", "0.1.19-beta.3"]);
  user = await makeUsers(world);
});
afterAll(() => world.close());

const production = ".hanzo/bin/playground";

describe("what is installed", () => {
  test("the latest stable version, without one request to the API", async () => {
    const one = user();
    const ran = await one.install();
    expect(ran).toMatchObject({ code: 0, stdout: "" });
    expect(await one.says(production)).toBe("playground 0.1.18");
    expect(await one.says(".hanzo/playground/bin/playground")).toBe("playground 0.1.18");
    expect(world.requests(one.name).filter((path) => path.startsWith("/api"))).toEqual([]);
  });
});
