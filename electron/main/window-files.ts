/** The window's files over a scheme of our own: a page from file: could read every file of the user. */

import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Net, Protocol } from "electron";

export const SCHEME = "ringway-window";
export const ORIGIN = `${SCHEME}://app`;
export const START_URL = `${ORIGIN}/index.html`;

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Must be called before the app is ready. */
export function registerScheme(protocol: Pick<Protocol, "registerSchemesAsPrivileged">): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ]);
}

export interface WindowFilesOptions {
  readonly protocol: Pick<Protocol, "handle">;
  readonly net: Pick<Net, "fetch">;
  readonly folder: string;
}

export function serveWindowFiles({ protocol, net, folder }: WindowFilesOptions): void {
  protocol.handle(SCHEME, async (request) => {
    const file = request.method === "GET" ? fileOf(request.url, folder) : undefined;
    if (file === undefined) return new Response("There is no such page.", { status: 404 });
    try {
      const found = await net.fetch(pathToFileURL(file).href);
      const headers = new Headers(found.headers);
      headers.set("content-security-policy", POLICY);
      headers.set("x-content-type-options", "nosniff");
      return new Response(found.body, { status: found.status, headers });
    } catch {
      return new Response("There is no such page.", { status: 404 });
    }
  });
}

/** The file that an address of ours names; undefined for another origin and for what lies outside the folder. */
export function fileOf(url: string, folder: string): string | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || parsed.protocol !== `${SCHEME}:` || parsed.host !== "app") return undefined;
  let name: string;
  try {
    name = decodeURIComponent(parsed.pathname);
  } catch {
    return undefined;
  }
  const file = path.join(folder, name);
  const inside = path.relative(folder, file);
  if (inside === "" || inside.startsWith("..") || path.isAbsolute(inside) || name.includes("\0")) return undefined;
  return file;
}
