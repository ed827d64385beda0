import { describe, expect, it } from "vitest";
import { refuseOverlap, type UsedRange } from "./overlap.ts";

const OURS = "172.16.0.0/16";
const own = "tap0";

describe("a virtual subnet", () => {
  it.each<[string, UsedRange]>([
    ["the same range", { interface: "eth0", cidr: "172.16.0.0/16", kind: "address" }],
    ["an address of this computer in it", { interface: "eth0", cidr: "172.16.3.7/24", kind: "address" }],
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

  it("is refused beside another affiliation's, which is named", () => {
    const range: UsedRange = { interface: "tap1", cidr: "172.16.1.5/16", kind: "address" };
    expect(() => refuseOverlap(OURS, [range], own, new Map([["tap1", "other"]]))).toThrow(
      expect.objectContaining({
        text: expect.stringContaining('tap1, which belongs to "other"'),
        remedy: expect.stringContaining('ringway down "other"'),
      }),
    );
  });

  it.each<[string, UsedRange]>([
    ["the default route", { interface: "eth0", cidr: "0.0.0.0/0", kind: "route" }],
    ["half of all addresses, as a VPN routes them", { interface: "tun0", cidr: "128.0.0.0/1", kind: "route" }],
    ["the range before", { interface: "eth0", cidr: "172.15.0.0/16", kind: "address" }],
    ["the range after", { interface: "docker0", cidr: "172.17.0.0/16", kind: "address" }],
    ["IPv6", { interface: "eth0", cidr: "fe80::1/64", kind: "address" }],
    ["our own interface", { interface: "tap0", cidr: OURS, kind: "route" }],
  ])("is accepted beside %s", (_what, range) => {
    expect(() => refuseOverlap(OURS, [range], own)).not.toThrow();
  });
});
