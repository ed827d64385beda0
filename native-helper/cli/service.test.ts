import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { installService, type ServiceHost, serviceState, uninstallService, unitText } from "./service.ts";

let root: string;
let ran: string[];
let fails: string | undefined;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "ringway-service-"));
  mkdirSync(path.join(root, "source"));
  mkdirSync(path.join(root, "run/systemd/system"), { recursive: true });
  for (const part of ["ringway.js", "ringway-datapath.node"]) writeFileSync(path.join(root, "source", part), part);
  ran = [];
  fails = undefined;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const host = (uid = 0): ServiceHost => ({
  uid,
  root,
  node: "/usr/bin/node",
  source: path.join(root, "source"),
  run: async (program, args) => {
    const line = [program, ...args].join(" ");
    ran.push(line);
    return line === fails ? { status: 5, output: "Unit is masked\nmore" } : { status: 0, output: "" };
  },
});
const unitFile = () => path.join(root, "etc/systemd/system/ringway-helper.service");

describe("helper install", () => {
  it("copies what the service runs to root's own place, writes the unit and starts it", async () => {
    expect(await installService(host(), 1000)).toEqual({
      installed: true,
      active: true,
      unit: "ringway-helper.service",
    });
    const unit = readFileSync(unitFile(), "utf8");
    expect(unit).toContain("ExecStart=/usr/bin/node /usr/local/lib/ringway/ringway.js helper --owner 1000 ");
    expect(readFileSync(path.join(root, "usr/local/lib/ringway/ringway-datapath.node"), "utf8")).toBe(
      "ringway-datapath.node",
    );
    expect(statSync(path.join(root, "usr/local/lib/ringway/ringway.js")).mode & 0o022).toBe(0);
    expect(ran.slice(0, 3)).toEqual([
      "systemctl daemon-reload",
      "systemctl enable ringway-helper.service",
      "systemctl restart ringway-helper.service",
    ]);
  });

  it("brings an installed one to this version", async () => {
    await installService(host(), 1000);
    writeFileSync(path.join(root, "source/ringway.js"), "newer");
    await installService(host(), 1000);
    expect(readFileSync(path.join(root, "usr/local/lib/ringway/ringway.js"), "utf8")).toBe("newer");
  });

  it.each([
    ["without root's rights", () => {}, 1000, "NOT_PERMITTED", "sudo ringway helper install"],
    [
      "where systemd does not run",
      () => rmSync(path.join(root, "run"), { recursive: true }),
      0,
      "STATE_UNUSABLE",
      "sudo ringway helper",
    ],
    [
      "where the build is missing",
      () => rmSync(path.join(root, "source/ringway-datapath.node")),
      0,
      "STATE_UNUSABLE",
      "npm run build",
    ],
  ])("refuses %s and leaves nothing behind", async (_when, prepare, uid, code, remedy) => {
    prepare();
    await expect(installService(host(uid), 1000)).rejects.toMatchObject({
      code,
      remedy: expect.stringContaining(remedy),
    });
    expect([existsSync(unitFile()), existsSync(path.join(root, "usr")), ran]).toEqual([false, false, []]);
  });

  it("says what systemctl said", async () => {
    fails = "systemctl enable ringway-helper.service";
    await expect(installService(host(), 0)).rejects.toMatchObject({
      text: "systemctl enable ringway-helper.service failed (5): Unit is masked.",
    });
  });
});

describe("helper uninstall", () => {
  it("takes away all that install made, and nothing where there is nothing", async () => {
    await installService(host(), 1000);
    expect(await uninstallService(host())).toMatchObject({ installed: false });
    expect([existsSync(unitFile()), existsSync(path.join(root, "usr/local/lib/ringway"))]).toEqual([false, false]);
    expect(ran).toContain("systemctl disable --now ringway-helper.service");
    ran = [];
    await uninstallService(host());
    expect(ran.filter((line) => line.includes("disable"))).toEqual([]);
  });

  it("needs root", async () => {
    await expect(uninstallService(host(1000))).rejects.toMatchObject({ code: "NOT_PERMITTED" });
  });
});

it("tells without systemd that nobody can be asked", async () => {
  rmSync(path.join(root, "run"), { recursive: true });
  expect(await serviceState(host(1000))).toEqual({ installed: false, active: null, unit: "ringway-helper.service" });
});

describe("the unit", () => {
  const text = unitText({
    node: "/opt/my node/bin/node",
    command: "/usr/local/lib/ringway/ringway.js",
    ownerUid: 1000,
  });

  it("keeps two capabilities, drops rights before Node starts and sees no home", () => {
    for (const line of [
      'ExecStart="/opt/my node/bin/node" /usr/local/lib/ringway/ringway.js helper --owner 1000 --state /var/lib/ringway --socket /run/ringway/ringway.sock',
      "User=ringway-helper",
      "AmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE",
      "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE",
      "NoNewPrivileges=yes",
      "ProtectSystem=strict",
      "ProtectHome=yes",
      "DeviceAllow=/dev/net/tun rw",
    ]) {
      expect(text.split("\n")).toContain(line);
    }
    expect(text).not.toContain("MemoryDenyWriteExecute"); // Node compiles as it runs.
  });

  it("is one that systemd understands", ({ skip }) => {
    const analyze = ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"].find((file) => existsSync(file));
    skip(analyze === undefined, "needs systemd-analyze, which this system does not have");
    const file = path.join(root, "ringway-helper.service");
    writeFileSync(file, unitText({ node: "/bin/true", command: "/x", ownerUid: 0 }));
    const said = execFileSync(analyze as string, ["verify", "--man=no", file], { encoding: "utf8", stdio: "pipe" });
    expect(said).not.toMatch(/ringway-helper/);
  });
});
