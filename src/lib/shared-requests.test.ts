import { expect, it } from "vitest";
import { sharedRequests } from "./shared-requests.ts";

it("reads once for all who ask at the same moment, and again for who asks later", async () => {
  const share = sharedRequests();
  let reads = 0;
  const read = async () => ++reads;
  expect(await Promise.all([share("a", read), share("a", read), share("b", read)])).toEqual([1, 1, 2]);
  expect(await share("a", read)).toBe(3);
});

it("never gives an answer whose read began before it was asked for", async () => {
  const share = sharedRequests();
  const answers: ((value: string) => void)[] = [];
  const read = () => new Promise<string>((resolve) => answers.push(resolve));
  const early = share("a", read);
  await expect.poll(() => answers.length).toBe(1);
  // The first is still on its way when something is written, and read back.
  const late = share("a", read);
  await expect.poll(() => answers.length).toBe(2);
  answers[1]?.("after the write");
  answers[0]?.("before the write");
  expect(await Promise.all([early, late])).toEqual(["before the write", "after the write"]);
});

it("a failure is told to all who asked, and kept from who asks again", async () => {
  const share = sharedRequests();
  let fails = true;
  const read = async () => {
    if (fails) throw new Error("503");
    return "there";
  };
  const both = await Promise.allSettled([share("a", read), share("a", read)]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  fails = false;
  expect(await share("a", read)).toBe("there");
});
