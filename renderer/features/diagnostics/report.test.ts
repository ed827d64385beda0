import { describe, expect, it } from "vitest";
import type { Check } from "#contract";
import { makeWorld } from "../../bridge/world.ts";
import { inOrder, reportOf } from "./report.ts";

const check = (id: Check["id"], result: Check["result"], evidence: string | null = null): Check => ({
  id,
  result,
  cause: `${id} says so`,
  evidence,
  remedy: null,
  action: null,
});
const [affiliation] = makeWorld(11).next().status.affiliations;
const report = (checks: readonly Check[], hideAddresses: boolean) =>
  reportOf({ version: "0.1.0", at: new Date(Date.UTC(2026, 2, 12, 14, 15)), affiliation, checks, hideAddresses });

describe("the report", () => {
  it("has the failures first, each with cause and evidence", () => {
    const checks = [check("helper", "pass"), check("nat", "warn"), check("route", "fail", "172.16.4.0/24 of virbr1")];
    expect(inOrder(checks).map(({ id }) => id)).toEqual(["route", "nat", "helper"]);
    const text = report(checks, false);
    expect(text).toContain("FAIL route\n     route says so\n     172.16.4.0/24 of virbr1\nWARN nat");
    expect(text).toContain("affiliation  condor wow");
  });

  it("hides public addresses and keeps private ones", () => {
    const text = report(
      [check("udp", "pass", "203.0.113.7:15000 and 2001:db8:1:2::7, from 192.168.1.7 and 172.16.1.5")],
      true,
    );
    expect(text).toContain("x.x.x.x:15000 and x:x::x, from 192.168.1.7 and 172.16.1.5");
    expect(text).toContain("14:15:00");
  });
});
