import { describe, expect, it } from "vitest";
import { refuseOverlap, type UsedRange, usedAddresses, usedRanges, usedRoutes } from "./overlap.ts";

const OURS = "172.16.0.0/16";
const own = new Set(["tap0"]);

describe("a virtual subnet", () => {
  it.each<[string, UsedRange]>([
    ["the same range", { interface: "eth0", cidr: "172.16.0.0/16", kind: "address" }],
    ["a part of it", { interface: "eth0", cidr: "172.16.9.0/24", kind: "route" }],
    ["a single address in it", { interface: "wg0", cidr: "172.16.255.255/32", kind: "route" }],
    ["a range around it", { interface: "eth0", cidr: "172.16.0.0/12", kind: "route" }],
    ["a wide range with an address of this computer", { interface: "eth0", cidr: "172.0.0.0/7", kind: "address" }],
  ])("is refused beside %s, with both ranges and the owner", (_what, range) => {
    const refused = () => refuseOverlap(OURS, [{ interface: "lo", cidr: "127.0.0.0/8", kind: "address" }, range], own);
    expect(refused).toThrow(
      expect.objectContaining({
        code: "SUBNET_OVERLAP",
        text: expect.stringMatching(new RegExp(`${OURS}.*${range.cidr}.*${range.interface}`)),
      }),
    );
  });

  it.each<[string, UsedRange]>([
    ["the default route", { interface: "eth0", cidr: "0.0.0.0/0", kind: "route" }],
    ["half of all addresses, as a VPN routes them", { interface: "tun0", cidr: "128.0.0.0/1", kind: "route" }],
    ["the range before", { interface: "eth0", cidr: "172.15.0.0/16", kind: "address" }],
    ["the range after", { interface: "docker0", cidr: "172.17.0.0/16", kind: "address" }],
    ["our own interface", { interface: "tap0", cidr: OURS, kind: "route" }],
  ])("is accepted beside %s", (_what, range) => {
    expect(() => refuseOverlap(OURS, [range], own)).not.toThrow();
  });
});

describe("what this computer uses", () => {
  it("is read from its addresses", () => {
    const address = { family: "IPv4" as const, mac: "", internal: false, netmask: "", address: "" };
    expect(usedAddresses({ eth0: [{ ...address, cidr: "192.168.77.130/25" }], none: undefined })).toEqual([
      { interface: "eth0", cidr: "192.168.77.128/25", kind: "address" },
    ]);
  });

  it("is read from the kernel's routes", () => {
    const table = [
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
      "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
      "eth0\t004DA8C0\t00000000\t0001\t0\t0\t0\t80FFFFFF\t0\t0\t0",
      "eth1\t000010AC\t00000000\t0000\t0\t0\t0\t0000FFFF\t0\t0\t0",
      "",
    ].join("\n");
    expect(usedRoutes(table)).toEqual([
      { interface: "eth0", cidr: "0.0.0.0/0", kind: "route" },
      { interface: "eth0", cidr: "192.168.77.0/25", kind: "route" },
    ]);
  });

  it("has the loopback in it", () => {
    expect(usedRanges()).toContainEqual({ interface: "lo", cidr: "127.0.0.0/8", kind: "address" });
  });
});
