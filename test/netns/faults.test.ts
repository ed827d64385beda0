/** What a real system can have against a helper: each gets a sentence and an exit status, and nothing half-made stays. */
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { AffiliationView } from "#contract";
import { config2006 } from "./config-2006.ts";
import { HelperProcess } from "./helper-process.ts";
import { type Host, Internet } from "./internet.ts";
import { until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";

const NOBODY = 65_534;

describeOnBed("a helper whose system has something against it", () => {
  let internet: Internet;
  let hosts = 0;

  beforeAll(async () => {
    internet = await Internet.open({ delayMs: [1, 2] });
  });

  afterAll(async () => {
    await internet?.close();
  });

  /** A public host of its own for each test, with nobody to talk to. */
  const aHost = () => internet.addPublicHost(`host${++hosts}`);
  const nobodyAnswers = config2006({ virtualIp: "172.16.1.5", startAddresses: ["192.0.2.250:15000"] });

  it("says which port belongs to somebody else", async () => {
    const host = await aHost();
    const script = fileURLToPath(new URL("udp-probe.mjs", import.meta.url));
    host.start(["node", script, "15000"], ["pipe", "ignore", "inherit"]);
    await until("the other program to have the port", 10_000, async () => {
      return (await host.must(["ss", "-Hlnu", "sport = :15000"])) !== "";
    });
    const helper = new HelperProcess(host, { config: nobodyAnswers });
    expect(await helper.ended()).toBe(1);
    expect(lastWords(helper)).toMatch(/15000.*in use/i);
    await expectNothingLeft(host);
  });

  it("names the missing TAP device", async () => {
    const host = await aHost();
    const wrapper = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh"];
    const helper = new HelperProcess(host, { config: nobodyAnswers, wrapper });
    expect(await helper.ended()).toBe(1);
    expect(lastWords(helper)).toContain("/dev/net/tun");
    await expectNothingLeft(host);
  });

  it("ends with 4 where it may not make an interface", async () => {
    const host = await aHost();
    mkdirSync(join(host.folder, "state"));
    for (const folder of [host.folder, join(host.folder, "state")]) chownSync(folder, NOBODY, NOBODY);
    chmodSync(internet.namespaces.folder, 0o711);
    const wrapper = [
      "setpriv",
      "--reuid",
      String(NOBODY),
      "--regid",
      String(NOBODY),
      "--clear-groups",
      "--inh-caps=-all",
    ];
    const helper = new HelperProcess(host, { config: nobodyAnswers, wrapper });
    expect(await helper.ended()).toBe(4);
    expect(lastWords(helper)).toMatch(/CAP_NET_ADMIN|root|permi/i);
    await expectNothingLeft(host);
  });

  it("refuses a second helper on one state directory and leaves the first alone", async () => {
    const host = await aHost();
    const first = new HelperProcess(host, { config: nobodyAnswers });
    const { name } = await affiliation(first);
    const other = await aHost();
    const second = new HelperProcess(other, { stateFolder: first.stateFolder, config: nobodyAnswers });
    expect(await second.ended()).toBe(1);
    expect(lastWords(second)).toContain(first.stateFolder);
    expect((await affiliation(first)).name).toBe(name);
    await expectNothingLeft(other);
    // The lock goes with its holder, however that ends.
    await first.kill();
    const third = new HelperProcess(other, { stateFolder: first.stateFolder, config: nobodyAnswers });
    expect((await affiliation(third)).name).toBe(name);
    await third.stop();
  });

  it.each(["identity.key", "state.json", "membership.json"])("sets a torn %s aside and says so", async (name) => {
    const host = await aHost();
    const first = new HelperProcess(host, { config: nobodyAnswers });
    await affiliation(first);
    const file = await until(`${name} to be written`, 10_000, () => find(first.stateFolder, name));
    await first.stop();
    const whole = readFileSync(file);
    const torn = whole.subarray(0, Math.floor(whole.length / 2));
    writeFileSync(file, torn);
    const second = new HelperProcess(host, { config: nobodyAnswers });
    await affiliation(second);
    const status = await (await second.client()).status({});
    const warnings = [...status.warnings, ...status.affiliations.flatMap((affiliation) => affiliation.warnings)];
    expect(warnings.map((warning) => warning.text).join("\n")).toContain(name);
    const aside = readdirSync(join(file, "..")).filter((other) => other.startsWith(name) && other !== name);
    expect(aside).toHaveLength(1);
    expect(aside[0]).toMatch(/\d{4}-\d{2}-\d{2}|\d{8}/);
    expect(readFileSync(join(file, "..", aside[0] as string)).equals(torn)).toBe(true);
    await second.stop();
  });

  it("refuses an interface whose subnet overlaps one of this computer, and stays on the ring", async () => {
    const host = await aHost();
    await host.must(["ip", "link", "add", "office0", "type", "veth", "peer", "name", "office1"]);
    await host.must(["ip", "addr", "add", "172.16.5.1/24", "dev", "office0"]);
    await host.must(["ip", "link", "set", "office0", "up"]);
    const helper = new HelperProcess(host, { config: nobodyAnswers });
    await affiliation(helper);
    const finished = await helper.command(["up", "--json"]);
    expect(finished.status).toBe(1);
    const { error } = JSON.parse(finished.stdout);
    expect(error.code).toBe("SUBNET_OVERLAP");
    for (const words of ["172.16.0.0/16", "172.16.5.1/24", "office0"]) expect(error.text).toContain(words);
    const view = await affiliation(helper);
    expect(view.interface.state).toBe("down");
    expect(view.warnings.map((warning) => warning.code)).toContain("SUBNET_OVERLAP");
    expect(["connecting", "connected"]).toContain(view.state);
    expect(await interfaces(host)).not.toContain("tap0");
    await host.must(["ip", "link", "delete", "office0"]);
    expect((await helper.command(["up"])).status).toBe(0);
    expect(await interfaces(host)).toContain("tap0");
    await helper.stop();
  });

  it("keeps trying where no start address answers, says why, and joins when one does", async () => {
    const [host, other] = [await aHost(), await aHost()];
    const startAddresses = [`${other.address}:15000`];
    const helper = new HelperProcess(host, { config: config2006({ virtualIp: "172.16.1.5", startAddresses }) });
    const lonely = await until("a reason", 30_000, async () => {
      const view = await affiliation(helper);
      return view.reason !== null && view;
    });
    expect(lonely.state).toBe("connecting");
    expect(lonely.reason).toMatch(/answer/);
    const late = new HelperProcess(other, {
      config: config2006({ virtualIp: "172.16.1.6", startAddresses: [`${host.address}:15000`] }),
    });
    await until("a peer", 60_000, async () => {
      const view = await affiliation(helper);
      return view.state === "connected" && view.peersKnown === 1;
    });
    await Promise.all([helper.stop(), late.stop()]);
  });
});

/** The only affiliation; a helper answers a moment before it has joined that of its file. */
async function affiliation(helper: HelperProcess): Promise<AffiliationView> {
  const client = await helper.client();
  return await until(`${helper.host.name} to have an affiliation`, 10_000, async () => {
    return (await client.status({})).affiliations[0];
  });
}

/** The sentence with which a helper gives up. */
function lastWords(helper: HelperProcess): string {
  return helper.log().trim().split("\n").at(-1) ?? "";
}

async function expectNothingLeft(host: Host): Promise<void> {
  expect(await interfaces(host)).toEqual(["lo", "w0"]);
  expect(readdirSync(host.folder)).not.toContain("helper.sock");
}

async function interfaces(host: Host): Promise<string[]> {
  const links: { ifname: string }[] = JSON.parse(await host.must(["ip", "-json", "link"]));
  return links.map((link) => link.ifname).toSorted();
}

/** The first file of this name in the folder or below. */
function find(folder: string, name: string): string | undefined {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name === name) return join(entry.parentPath, name);
  }
  return undefined;
}
