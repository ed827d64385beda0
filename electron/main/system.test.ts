/** What the app takes from the system and asks of it: files and links, the tray's host, the administrator, the login. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HELPER_RESTART_S, languageOf } from "#contract/app-bridge.ts";
import { setAutostart } from "./autostart.ts";
import { HelperLife } from "./helper-life.ts";
import { openedBy, openedFile, orderedBy } from "./opened.ts";
import { hasTrayHost } from "./tray-host.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ringway-app-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("what the app is given", () => {
  const write = (name: string, content: string | Buffer) => writeFileSync(path.join(folder, name), content);

  it("is read where it is a file of ours, by name or by a relative path", () => {
    write("a.ringway", "ringway1:abc");
    expect(openedBy(["--hidden", "a.ringway"], folder)).toEqual({
      kind: "file",
      name: "a.ringway",
      text: "ringway1:abc",
    });
    expect(openedBy([path.join(folder, "a.ringway")], "/")).toMatchObject({ kind: "file" });
  });

  it("of a link keeps only that it came", () => {
    expect(openedBy(["ringway://join/#secret"], folder)).toEqual({ kind: "link" });
    expect(JSON.stringify(openedBy(["RINGWAY:secret"], folder))).not.toContain("secret");
  });

  it("may be an order of the desktop's own menu", () => {
    expect([orderedBy(["--connect"]), orderedBy(["x", "--disconnect"]), orderedBy(["--hidden"])]).toEqual([
      "connect",
      "disconnect",
      undefined,
    ]);
  });

  it.each([["--flag=a.ringway"], ["http://x/"], ["picture.png"], [""]])("is nothing of ours: %s", (argument) => {
    expect(openedBy([argument], folder)).toBeUndefined();
  });

  it("is refused with the reason: a folder, 10 MB, no text, not there", () => {
    write("large.toml", Buffer.alloc(10 * 1024 * 1024, 97));
    write("binary.toml", Buffer.from([0xff, 0xfe, 0x00]));
    write("zero.toml", "a\0b");
    expect(openedFile(folder)).toMatchObject({ why: "folder" });
    expect(openedFile(path.join(folder, "large.toml"))).toEqual({
      kind: "unreadable",
      name: "large.toml",
      why: "large",
    });
    expect(openedFile(path.join(folder, "binary.toml"))).toMatchObject({ why: "binary" });
    expect(openedFile(path.join(folder, "zero.toml"))).toMatchObject({ why: "binary" });
    expect(openedFile(path.join(folder, "none.toml"))).toMatchObject({ why: "missing" });
  });
});

describe("the host of tray icons", () => {
  const answering = (answers: Record<string, string>) => async (program: string) => {
    const answer = answers[program];
    if (answer === undefined) throw new Error("ENOENT");
    return answer;
  };
  it.each([
    ["gdbus says yes", { gdbus: "(true,)\n" }, true],
    ["gdbus says no", { gdbus: "(false,)\n", busctl: "b true\n" }, false],
    ["busctl says yes", { busctl: "b true\n" }, true],
    ["dbus-send says yes", { "dbus-send": "method return time=1.5\n   boolean true\n" }, true],
    ["nobody can be asked", {}, false],
  ])("on Linux, where %s", async (_who, answers, there) => {
    expect(await hasTrayHost("linux", answering(answers as Record<string, string>))).toBe(there);
  });
  it("is always there on Windows and macOS", async () => {
    expect([await hasTrayHost("win32", answering({})), await hasTrayHost("darwin", answering({}))]).toEqual([
      true,
      true,
    ]);
  });
});

describe("orders for an administrator", () => {
  function life(present: readonly string[], says?: string) {
    const asked: string[] = [];
    const machine = new HelperLife({
      platform: "linux",
      command: "/opt/My Ringway/ringway.js",
      uid: 1000,
      searchPath: ["/usr/local/bin", "/usr/bin"],
      exists: (file) => present.includes(file),
      asAdministrator: async (line) => {
        asked.push(line);
        if (says !== undefined) throw new Error(says);
      },
    });
    return { machine, asked };
  }
  const SYSTEMD = "/run/systemd/system";
  const UNIT = "/etc/systemd/system/ringway-helper.service";

  it("are one prompt each: install where there are services, else start once", async () => {
    const service = life([SYSTEMD, "/usr/bin/node"]);
    expect(await service.machine.install()).toEqual({ result: "done", detail: "" });
    expect(service.asked).toEqual(["/usr/bin/node '/opt/My Ringway/ringway.js' helper install --owner 1000"]);
    const once = life(["/usr/bin/node"]);
    await once.machine.install();
    expect(once.asked).toEqual([
      expect.stringMatching(/^setsid sh -c 'n=0; until \/usr\/bin\/node .* done' >\/dev\/null 2>&1 &$/),
    ]);
  });

  it("start one that the system does not watch so that a shell does: again after a failure, not after an end", async () => {
    const log = path.join(folder, "runs");
    const { machine, asked } = life(["/usr/bin/node"]);
    expect(machine.isWatched()).toBe(false);
    await machine.start();
    expect(machine.isWatched()).toBe(true);
    // The same line, in the foreground and with programs that end at once: it fails twice, then ends as told.
    const line = (asked[0] ?? "")
      .replace(/^setsid /, "")
      .replace(/ >\/dev\/null 2>&1 &$/, "")
      .replace("/usr/bin/node", path.join(folder, "node"));
    const program = (name: string, text: string) =>
      writeFileSync(path.join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    program("node", `echo "$1 $2" >> ${log}; [ $(wc -l < ${log}) -ge 3 ]`);
    program("sleep", `[ "$1" = ${HELPER_RESTART_S} ]`);
    execFileSync("/bin/sh", ["-c", line], { env: { PATH: `${folder}:${process.env.PATH}` } });
    expect(readFileSync(log, "utf8")).toBe("/opt/My Ringway/ringway.js helper\n".repeat(3));
  });

  it("start the service where there is one, and remove it", async () => {
    const { machine, asked } = life([SYSTEMD, UNIT, "/usr/bin/node"]);
    expect(machine.state()).toEqual({
      installed: true,
      canInstall: true,
      command: "sudo /usr/bin/node '/opt/My Ringway/ringway.js' helper install --owner 1000",
    });
    expect(machine.isWatched()).toBe(true);
    await machine.start();
    await machine.remove();
    expect(asked).toEqual([
      "systemctl start ringway-helper.service",
      "/usr/bin/node '/opt/My Ringway/ringway.js' helper uninstall",
    ]);
  });

  it("tell a closed prompt from a failure, and need Node before they ask", async () => {
    expect(await life([SYSTEMD, "/usr/bin/node"], "User did not grant permission.").machine.install()).toMatchObject({
      result: "denied",
    });
    expect(await life([SYSTEMD, "/usr/bin/node"], "exit 1").machine.install()).toEqual({
      result: "failed",
      detail: "exit 1",
    });
    const none = life([SYSTEMD]);
    expect(await none.machine.install()).toMatchObject({
      result: "failed",
      detail: expect.stringContaining("Node.js"),
    });
    expect(none.asked).toEqual([]);
  });

  it("never ask twice at a time", async () => {
    const { machine, asked } = life([SYSTEMD, "/usr/bin/node"]);
    const [first, second] = await Promise.all([machine.install(), machine.install()]);
    expect([first.result, second.result, asked.length]).toEqual(["done", "failed", 1]);
  });
});

describe("starting at login", () => {
  it("is a desktop file on Linux, with the program quoted, and is taken away again", () => {
    const options = { app: { setLoginItemSettings: () => {} }, platform: "linux" as const, env: { HOME: folder } };
    setAutostart(true, { ...options, program: "/opt/My 100% Ringway" });
    const file = path.join(folder, ".config/autostart/ringway.desktop");
    expect(readFileSync(file, "utf8")).toContain('Exec="/opt/My 100%% Ringway" --hidden');
    setAutostart(false, { ...options, program: "" });
    expect(existsSync(file)).toBe(false);
  });

  it("is the system's own list elsewhere", () => {
    const set: unknown[] = [];
    setAutostart(true, {
      app: { setLoginItemSettings: (given) => set.push(given) },
      platform: "darwin",
      env: {},
      program: "",
    });
    expect(set).toEqual([{ openAtLogin: true, args: ["--hidden"] }]);
  });
});

it("speaks the first language of the user that it knows", () => {
  expect(languageOf("system", ["nl-NL", "de-AT", "fr"])).toBe("de");
  expect(languageOf("system", ["zh-Hant-TW"])).toBe("zh");
  expect(languageOf("system", [])).toBe("en");
  expect(languageOf("ko", ["de"])).toBe("ko");
});

describe("what a package is built with", () => {
  const lines = readFileSync(path.join(import.meta.dirname, "../../electron-builder.yml"), "utf8").split("\n");
  /** The lines below a title of the first level. */
  const part = (title: string) => {
    const rest = lines.slice(lines.indexOf(`${title}:`) + 1);
    const end = rest.findIndex((line) => /^\w/.test(line));
    return rest.slice(0, end < 0 ? undefined : end).map((line) => line.trim());
  };

  it("has every fuse of Electron set: no Node, no options, cookies sealed, and only its own archive", () => {
    expect(lines).toContain("asar: true");
    expect(part("electronFuses").sort()).toEqual([
      "enableCookieEncryption: true",
      "enableEmbeddedAsarIntegrityValidation: true",
      "enableNodeCliInspectArguments: false",
      "enableNodeOptionsEnvironmentVariable: false",
      "onlyLoadAppFromAsar: true",
      "runAsNode: false",
    ]);
  });

  it("registers links and files, and gives the desktop the orders that the app understands", () => {
    expect(part("protocols")).toContain("schemes: [ringway]");
    expect(part("fileAssociations")).toContain("- ext: ringway");
    for (const target of ["deb", "appImage"]) {
      const orders = part(target).flatMap((line) => /^Exec: \S+ (--\w+)$/.exec(line)?.[1] ?? []);
      expect(orders.map((flag) => orderedBy([flag]))).toEqual(["connect", "disconnect"]);
    }
  });
});
