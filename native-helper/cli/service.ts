/**
 * The helper as a service of the system: `ringway helper install`, `uninstall` and `status`. Only systemd so far. What the
 * service runs is copied to a place that only root may write, so that whoever can change a clone cannot become root.
 */
import { execFile } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { HelperError } from "#contract";
import { HELPER_RESTART_S } from "#contract/app-bridge.ts";

export interface ServiceHost {
  /** Of this process; undefined where the system has none. */
  readonly uid: number | undefined;
  /** Before every path of the system; a test gives a folder of its own. */
  readonly root: string;
  /** Node's own program. */
  readonly node: string;
  /** Folder of the command and of what it loads. */
  readonly source: string;
  /** Runs a program; gives its exit status and what it wrote. */
  run(program: string, args: readonly string[]): Promise<{ status: number; output: string }>;
}

export interface ServiceState {
  /** Whether there is a unit of ours. */
  readonly installed: boolean;
  /** Whether it runs, as the system says; null where nobody can be asked. */
  readonly active: boolean | null;
  readonly unit: string;
}

export const UNIT = "ringway-helper.service";
const UNIT_FILE = `/etc/systemd/system/${UNIT}`;
const SYSTEMD = "/run/systemd/system";
/** What the service runs, and no user may write. */
const HOME = "/usr/local/lib/ringway";
const PARTS = ["ringway.js", "ringway-datapath.node"] as const;

/** Installs or upgrades, and starts. `ownerUid` is the user whom the helper obeys beside root. */
export async function installService(host: ServiceHost, ownerUid: number): Promise<ServiceState> {
  needRoot(host, "install");
  needSystemd(host);
  const home = path.join(host.root, HOME);
  const missing = PARTS.find((part) => !existsSync(path.join(host.source, part)));
  if (missing !== undefined) {
    throw new HelperError(
      "STATE_UNUSABLE",
      `${path.join(host.source, missing)} is missing, so there is nothing to install.`,
      "In a clone, make it with: npm run build. Else install Ringway again.",
    );
  }
  mkdirSync(home, { recursive: true, mode: 0o755 });
  // A helper that runs goes on with what it has loaded: files are replaced, never written into.
  for (const part of PARTS) {
    const target = path.join(home, part);
    copyFileSync(path.join(host.source, part), `${target}.new`);
    chmodSync(`${target}.new`, 0o644);
    renameSync(`${target}.new`, target);
  }
  // Without it Node takes the bundle for CommonJS.
  writeFileSync(path.join(home, "package.json"), '{ "type": "module" }\n');
  const unitFile = path.join(host.root, UNIT_FILE);
  mkdirSync(path.dirname(unitFile), { recursive: true });
  writeFileSync(`${unitFile}.new`, unitText({ node: host.node, command: `${HOME}/ringway.js`, ownerUid }));
  renameSync(`${unitFile}.new`, unitFile);
  await systemctl(host, ["daemon-reload"]);
  await systemctl(host, ["enable", UNIT]);
  await systemctl(host, ["restart", UNIT]);
  return serviceState(host);
}

/** Stops and removes it; keys and memberships stay where they are. */
export async function uninstallService(host: ServiceHost): Promise<ServiceState> {
  needRoot(host, "uninstall");
  const unitFile = path.join(host.root, UNIT_FILE);
  if (existsSync(unitFile)) {
    if (existsSync(path.join(host.root, SYSTEMD))) await systemctl(host, ["disable", "--now", UNIT]);
    rmSync(unitFile, { force: true });
    if (existsSync(path.join(host.root, SYSTEMD))) await systemctl(host, ["daemon-reload"]);
  }
  rmSync(path.join(host.root, HOME), { recursive: true, force: true });
  return serviceState(host);
}

export async function serviceState(host: ServiceHost): Promise<ServiceState> {
  const installed = existsSync(path.join(host.root, UNIT_FILE));
  if (!existsSync(path.join(host.root, SYSTEMD))) return { installed, active: null, unit: UNIT };
  const { status } = await host.run("systemctl", ["is-active", "--quiet", UNIT]);
  return { installed, active: status === 0, unit: UNIT };
}

/**
 * The unit. The process gets two capabilities and no way to more, sees no home folder, and writes nothing but its state and
 * its socket. Its user exists only while it runs; the state directory keeps its owner.
 */
export function unitText({ node, command, ownerUid }: { node: string; command: string; ownerUid: number }): string {
  return `[Unit]
Description=Ringway network helper
After=network.target

[Service]
Type=exec
ExecStart=${quoted(node)} ${quoted(command)} helper --owner ${ownerUid} --state /var/lib/ringway --socket /run/ringway/ringway.sock
Restart=on-failure
RestartSec=${HELPER_RESTART_S}

DynamicUser=yes
User=ringway-helper
StateDirectory=ringway
StateDirectoryMode=0700
RuntimeDirectory=ringway
RuntimeDirectoryMode=0755
UMask=0077

AmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE
NoNewPrivileges=yes

DevicePolicy=closed
DeviceAllow=/dev/net/tun rw
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}

export function realHost(source: string): ServiceHost {
  return {
    uid: process.getuid?.(),
    root: "/",
    node: process.execPath,
    source,
    run: (program, args) =>
      new Promise((resolve) => {
        execFile(program, [...args], { timeout: 60_000 }, (error, out, err) => {
          const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
          resolve({ status: code, output: `${out}${err}`.trim() });
        });
      }),
  };
}

async function systemctl(host: ServiceHost, args: readonly string[]): Promise<void> {
  const { status, output } = await host.run("systemctl", args);
  if (status === 0) return;
  throw new HelperError(
    "STATE_UNUSABLE",
    `systemctl ${args.join(" ")} failed (${status})${output === "" ? "" : `: ${output.split("\n")[0]}`}.`,
    `See: journalctl -u ${UNIT}.`,
  );
}

function needRoot(host: ServiceHost, what: string): void {
  if (host.uid === 0) return;
  throw new HelperError(
    "NOT_PERMITTED",
    `Only root may ${what} the service of the helper.`,
    `Run: sudo ringway helper ${what}.`,
  );
}

function needSystemd(host: ServiceHost): void {
  if (existsSync(path.join(host.root, SYSTEMD))) return;
  throw new HelperError(
    "STATE_UNUSABLE",
    "This system does not run systemd, so the helper cannot be made a service of it.",
    "Start it by hand or from your own init: sudo ringway helper.",
  );
}

/** A word of ExecStart: systemd takes quotes, and reads % and $ in its own way. */
function quoted(word: string): string {
  const safe = word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /[\s"'\\;]/.test(word) ? `"${safe}"` : safe;
}
