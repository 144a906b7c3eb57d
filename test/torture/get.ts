import http from "node:http";

/** What a registry answers to one who only looks. */
export interface Answer {
  ok: boolean;
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

const agent = new http.Agent({ keepAlive: true });

/** What those say they are who only look; the product says its own name. */
export const lookerName = "looker";

/** Reads an address, and what it leads to. Much cheaper than `fetch`: somebody looks hundreds of times at each release. */
export async function get(url: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  const answer = await ask(url, headers, method);
  const { location } = answer.headers;
  if (answer.status < 300 || answer.status > 399 || location === undefined) return answer;
  const { authorization: _, ...rest } = headers;
  return get(new URL(location, url).href, rest, method);
}

function ask(url: string, headers: Record<string, string>, method: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = { "user-agent": lookerName, ...headers };
    const request = http.request(url, { method, agent, headers: sent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ ok: status >= 200 && status < 300, status, headers, body: Buffer.concat(chunks) });
      });
    });
    request.on("error", reject);
    request.end();
  });
}

/** The document at an address; undefined where there is none. */
export async function getJson<T>(url: string, headers?: Record<string, string>): Promise<T | undefined> {
  const answer = await get(url, headers);
  return answer.ok ? (JSON.parse(answer.body.toString("utf8")) as T) : undefined;
}
