import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { needs, toolPath } from "../tools.ts";
import { released, type Serving, startServing } from "./serving.ts";

const stable = "~/.hanzo/bin/playground --version";
const candidate = "~/.hanzo/bin/playground-staging --version";

describe.skipIf(needs(["nginx", "openssl", "curl"]))("the site in nginx, with TLS", () => {
  let site: Serving;
  beforeAll(async () => {
    site = await startServing();
  });
  afterAll(() => site?.close());

  const head = async (where: string) => {
    const { output } = await site.type(`curl -sS -D - -o /dev/null '${site.url}${where}'`);
    const of = (name: string) => new RegExp(`^${name}: (.*?)\\r?$`, "im").exec(output)?.[1];
    const status = Number(/^HTTP\/\S+ (\d+)/.exec(output)?.[1]);
    return {
      status,
      type: of("content-type"),
      cache: of("cache-control"),
      location: of("location"),
      open: of("access-control-allow-origin"),
    };
  };

  test.each([
    ["/", "text/html", "public, max-age=300"],
    ["/index.html", "text/html", "public, max-age=300"],
    ["/install.sh", "text/plain; charset=utf-8", "public, max-age=300"],
    ["/install", "text/plain; charset=utf-8", "public, max-age=300"],
    ["/uninstall", "text/plain; charset=utf-8", "public, max-age=300"],
    ["/staging", "text/plain; charset=utf-8", "public, max-age=300"],
    ["/v0.1.18/install.sh", "text/plain; charset=utf-8", "public, max-age=31536000, immutable"],
    ["/channels/staging.json", "application/json", "no-cache"],
    ["/channels/production.txt", "text/plain", "no-cache"],
  ])("%s is %s, and may be kept as %s says", async (where, type, cache) => {
    expect(await head(where)).toEqual({ status: 200, type, cache, location: undefined, open: "*" });
  });

  test("what isn't there is 404, and so is what other hosts read", async () => {
    for (const where of [
      "/v9.9.9/install.sh",
      "/nginx.conf",
      "/vercel.json",
      "/_headers",
      "/.nojekyll",
      "/channels/other.txt",
    ]) {
      expect((await head(where)).status, where).toBe(404);
    }
    expect((await head("/download/playground-linux-amd64")).location).toBe(
      "https://github.com/hanzoai/playground/releases/latest/download/playground-linux-amd64",
    );
  });

  test("every command that the page shows does what it says, typed into a shell", async () => {
    const { output: page } = await site.type(`curl -fsS ${site.url}/`);
    const commands = [...page.matchAll(/<code data-command>([^<]*)<\/code>/g)].map(([, it = ""]) => it);
    expect(commands).toHaveLength(5);
    const [install, staging, wget, remove, removeStaging] = commands as [string, string, string, string, string];
    expect(await site.type(install)).toMatchObject({ code: 0 });
    expect((await site.type(stable)).output).toBe("playground 0.1.18\n");
    expect(await site.type(staging)).toMatchObject({ code: 0 });
    expect((await site.type(candidate)).output).toBe("playground 0.1.19-rc.10\n");
    expect((await site.type(stable)).output).toBe("playground 0.1.18\n");
    const versioned = install.replace("/install.sh", "/v0.1.17/install.sh");
    expect(await site.type(versioned)).toMatchObject({ code: 0 });
    expect((await site.type(stable)).output).toBe("playground 0.1.17\n");
    expect(await site.type(wget)).toMatchObject({ code: 0 });
    expect((await site.type(stable)).output).toBe("playground 0.1.18\n");
    expect(await site.type(removeStaging)).toMatchObject({ code: 0 });
    expect((await site.type(stable)).output).toBe("playground 0.1.18\n");
    expect(await site.type(remove)).toMatchObject({ code: 0 });
    expect(existsSync(path.join(site.home, ".hanzo"))).toBe(false);
    // The newest candidate is known from the channel file: GitHub isn't asked for it.
    expect(site.world.requests("site").filter((it) => /atom|\/api\//.test(it))).toEqual([]);
  });

  describe.skipIf(needs(["chromium"]))("in Chromium", () => {
    let context: BrowserContext;
    let profile: string;
    const elsewhere: string[] = [];
    const complaints: string[] = [];
    const open = async (options: BrowserContextOptions = {}): Promise<Page> => {
      profile = mkdtempSync(path.join(tmpdir(), "twotier-chromium-"));
      context = await chromium.launchPersistentContext(profile, {
        executablePath: toolPath("chromium"),
        args: [
          ..."--no-sandbox --disable-gpu --disable-quic --no-first-run".split(" "),
          ..."--disable-background-networking --disable-component-update --disable-sync".split(" "),
        ],
        ignoreHTTPSErrors: true,
        permissions: ["clipboard-read", "clipboard-write"],
        ...options,
      });
      const page = await context.newPage();
      page.on("request", (request) => {
        const to = request.url();
        if (!to.startsWith(`${site.url}/`) && !to.startsWith("data:")) elsewhere.push(to);
      });
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(`${site.url}/`, { waitUntil: "networkidle" });
      return page;
    };
    afterEach(async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
      expect(elsewhere.splice(0)).toEqual([]);
      expect(complaints.splice(0)).toEqual([]);
    });
    const download = (page: Page) => page.locator(".download .for a:visible").allTextContents();

    test("a visitor picks a platform, copies the command, and it installs", async () => {
      const page = await open();
      expect(await page.locator("[data-channel]").allTextContents()).toEqual([released.production, released.staging]);
      expect(await download(page)).toEqual([expect.stringMatching(/^playground-linux-/)]);
      await page.getByLabel("macOS Apple silicon").check();
      expect(await download(page)).toEqual(["playground-darwin-arm64"]);
      await page.keyboard.press("ArrowRight");
      expect(await download(page)).toEqual(["playground-linux-amd64"]);
      await page.getByRole("button", { name: "Copy: Install the staging version" }).click();
      await page.getByRole("status").filter({ hasText: "Copied" }).waitFor({ state: "attached" });
      const copied = await page.evaluate("navigator.clipboard.readText()");
      expect(copied).toBe(`curl -fsSL ${site.url}/staging/install.sh | sh`);
      expect(await site.type(copied as string)).toMatchObject({ code: 0 });
      expect((await site.type(candidate)).output).toBe("playground 0.1.19-rc.10\n");
      const certain = await page.locator("[data-pattern]").allTextContents();
      expect(certain).toContain(`curl -fsSL ${site.url}/v0.1.18/install.sh | sh`);
      expect(certain).toContain("docker pull playground/control-plane:staging-0.1.19-rc.10");
      expect((await page.screenshot({ fullPage: true })).length).toBeGreaterThan(20_000);
      expect(readdirSync(site.home)).toContain(".hanzo");
    });

    test("without JavaScript the commands are there and the picker works", async () => {
      const page = await open({ javaScriptEnabled: false });
      expect(await download(page)).toEqual(["playground-darwin-amd64"]);
      await page.getByLabel("Linux ARM64").check();
      expect(await download(page)).toEqual(["playground-linux-arm64"]);
      expect(await page.locator("code[data-command]:visible").count()).toBe(5);
      expect(await page.locator("button:visible").count()).toBe(0);
    });

    test.each(["light", "dark"] as const)(
      "in the %s scheme texts stand out, on a narrow screen nothing is cut off",
      async (colorScheme) => {
        const page = await open({ colorScheme, viewport: { width: 340, height: 700 } });
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(340);
        const found = (await page.evaluate(`(${contrasts})()`)) as { text: string; ratio: number }[];
        expect(found.length).toBeGreaterThan(20);
        // WCAG 2.2, 1.4.3
        expect(found.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
        const unnamed = await page.evaluate(
          `[...document.querySelectorAll("a, button, input")].filter((one) => !(one.getAttribute("aria-label") || one.textContent || one.labels?.[0]?.textContent).trim()).length`,
        );
        expect(unnamed).toBe(0);
      },
    );
  });
});

/** Runs in the page: the contrast of every text with the nearest background behind it. */
const contrasts = `() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, below) => {
    const a = top[3] / 255;
    return [0, 1, 2].map((i) => top[i] * a + below[i] * (1 - a)).concat(255);
  };
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    if (!element) return rgba(getComputedStyle(document.body).backgroundColor);
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 255 ? own : over(own, behind(element.parentElement));
  };
  return [...document.querySelectorAll("h1,h2,p,a,dt,dd,th,code,button,strong,span,legend")]
    .filter((one) => one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) && !one.matches(".mark,.sr,.skip"))
    .map((one) => {
      const ground = behind(one);
      const [a, b] = [light(over(rgba(getComputedStyle(one).color), ground)), light(ground)].sort((x, y) => y - x);
      return { text: one.textContent.slice(0, 30), ratio: Math.round(((a + 0.05) / (b + 0.05)) * 100) / 100 };
    });
}`;
