import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HelperError } from "#contract";
import { parseConfig } from "./config.ts";
import { nearestWord } from "./config-fields.ts";

/** The file of 2006, as it is. */
const OF_2006 = `#affiliation
condor wow
#transport
udp
#port
15000
#number of remote TAs
2
#list of TAs
brunet.udp://planetlab-01.bu.edu:15000
brunet.udp://planetlab1.cs.purdue.edu:15000
#virtual interface
tap0
#virtual IP address of tap0
172.16.1.5
#MAC address of tap0
CB:DF:E7:20:60:35
`;

const PARSED_2006 = {
  affiliation: "condor wow",
  transport: "udp",
  port: 15000,
  startAddresses: ["ringway.udp://planetlab-01.bu.edu:15000", "ringway.udp://planetlab1.cs.purdue.edu:15000"],
  interfaceName: "tap0",
  virtualIp: "172.16.1.5",
  mac: "ca:df:e7:20:60:35",
};

const TOML = `
speed = false # a comment
affiliation = "condor wow"
name = "pc7"
site = "Boston"
transport = "auto"
port = 15000
start = [
  "ringway.udp://198.51.100.1:15000",
  "brunet.udp://[2001:db8::1]:15000",
]

[interface]
name = "tap3"
ip = "172.16.1.5"
mac = "02:DF:E7:20:60:35"
mtu = 1400
`;

describe("the plain format of 2006", () => {
  it("is read as it is, and the group bit of its MAC is cleared with a warning", () => {
    const { config, warnings } = parseConfig(OF_2006, "ipop.config");
    expect(config).toEqual(PARSED_2006);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ code: "MAC_GROUP_BIT" });
    expect(warnings[0]?.text).toContain("ipop.config, line 17:");
    expect(warnings[0]?.text).toContain("CA:DF:E7:20:60:35");
  });

  it.each([
    ["DOS line ends", OF_2006.replaceAll("\n", "\r\n")],
    ["blank lines and blanks", OF_2006.replaceAll("\n", " \n\n\t\n  ")],
    ["a byte order mark", `\uFEFF${OF_2006}`],
    ["no last line end", OF_2006.trimEnd()],
    ["blanks after the sign and other case", OF_2006.replaceAll("#", "#  ").replace("affiliation", "Affiliation")],
    ["the other interface in its titles", OF_2006.replaceAll("of tap0", "of eth9")],
  ])("is read with %s", (_what, text) => {
    expect(parseConfig(text, "f").config).toEqual(PARSED_2006);
  });

  it("needs only the affiliation", () => {
    expect(parseConfig("#affiliation\nx\n", "f")).toEqual({
      config: { affiliation: "x", startAddresses: [] },
      warnings: [],
    });
  });

  it.each([
    ["unknown heading", OF_2006.replace("#port", "#prot"), 5, '"#prot"', "#port"],
    ["a comment", `# my file\n${OF_2006}`, 1, '"#my file"', "Headings are"],
    ["too few TAs announced", OF_2006.replace("\n2\n", "\n1\n"), 8, "1 remote TAs are announced, but 2", "2"],
    ["too many TAs announced", OF_2006.replace("\n2\n", "\n3\n"), 8, "3 remote TAs are announced, but 2", "2"],
    ["a count that is none", OF_2006.replace("\n2\n", "\ntwo\n"), 8, '"two"', ""],
    [
      "a TA without port",
      OF_2006.replace("bu.edu:15000", "bu.edu"),
      10,
      "brunet.udp://planetlab-01.bu.edu",
      "ringway.udp://host:port",
    ],
    ["a TA with port 0", OF_2006.replace("bu.edu:15000", "bu.edu:0"), 10, "bu.edu:0", ""],
    ["a TA with a port too large", OF_2006.replace("purdue.edu:15000", "purdue.edu:70000"), 11, "70000", ""],
    ["a TA of another scheme", OF_2006.replace("brunet.udp://planetlab1", "http://planetlab1"), 11, "http://", ""],
    [
      "a virtual IP outside the subnet",
      OF_2006.replace("172.16.1.5", "172.17.1.5"),
      15,
      "outside 172.16.0.0/16",
      "172.16.0.0/16",
    ],
    ["the address of the subnet itself", OF_2006.replace("172.16.1.5", "172.16.0.0"), 15, "172.16.0.0", ""],
    ["the subnet's broadcast address", OF_2006.replace("172.16.1.5", "172.16.255.255"), 15, "172.16.255.255", ""],
    ["a virtual IP that is none", OF_2006.replace("172.16.1.5", "172.16.1.500"), 15, "172.16.1.500", ""],
    ["a port that is none", OF_2006.replace("15000", "65536"), 6, '"65536"', ""],
    ["a transport that is none", OF_2006.replace("udp", "ipx"), 4, '"ipx"', "udp"],
    ["an interface name too long", OF_2006.replace("\ntap0\n", "\na-very-long-name0\n"), 13, "a-very-long-name0", ""],
    ["a MAC that is none", OF_2006.replace("CB:DF", "CB:XY"), 17, "CB:XY", ""],
    ["two values", OF_2006.replace("15000\n", "15000\n15001\n"), 7, "15001", ""],
    ["no value", OF_2006.replace("15000\n", ""), 5, "#port", ""],
    ["a heading twice", `${OF_2006}#port\n1\n`, 18, "first on line 5", ""],
    ["a value above all headings", `hello\n${OF_2006}`, 1, '"hello"', ""],
    ["no affiliation", OF_2006.replace("#affiliation\ncondor wow\n", ""), 15, "#affiliation", ""],
    ["an affiliation too long", OF_2006.replace("condor wow", "x".repeat(65)), 2, "64 bytes", ""],
    ["a file too long", `${OF_2006}${"\n".repeat(70_000)}`, 1, "longer", ""],
  ])("refuses %s, naming file and line", (_what, text, line, what, remedy) => {
    const error = refusal(text, "/etc/ringway/ipop.config");
    expect(error.code).toBe("BAD_CONFIG");
    expect(error.text).toContain(`/etc/ringway/ipop.config, line ${line}: `);
    expect(error.text).toContain(what);
    expect(error.remedy).toContain(remedy);
    expect(error.remedy).toMatch(/[.?]$/);
  });
});

describe("ringway.toml", () => {
  it("is read into the same shape", () => {
    expect(parseConfig(TOML, "ringway.toml")).toEqual({
      config: {
        affiliation: "condor wow",
        name: "pc7",
        site: "Boston",
        transport: "auto",
        port: 15000,
        startAddresses: ["ringway.udp://198.51.100.1:15000", "ringway.udp://[2001:db8::1]:15000"],
        interfaceName: "tap3",
        virtualIp: "172.16.1.5",
        mac: "02:df:e7:20:60:35",
        mtuBytes: 1400,
        speedTests: false,
      },
      warnings: [],
    });
  });

  it("is told from the plain format by its look where the name says nothing", () => {
    expect(parseConfig(TOML, "/dev/stdin").config.name).toBe("pc7");
  });

  it("takes dotted keys and inline tables as TOML does", () => {
    expect(parseConfig('affiliation = "a"\ninterface.name = "tap1"', "f.toml").config.interfaceName).toBe("tap1");
    expect(parseConfig('affiliation = "a"\ninterface.dscp = true', "f.toml").config.dscp).toBe(true);
    expect(parseConfig('affiliation = "a"\ninterface = { name = "tap1" }', "f.toml").config.interfaceName).toBe("tap1");
  });

  it("sets the limit of shortcuts, and whether this computer relays", () => {
    const { config } = parseConfig('affiliation = "a"\nshortcuts = 32\nrelay = false\n', "f.toml");
    expect(config).toMatchObject({ shortcuts: 32, relay: false });
  });

  it.each([
    ["too many shortcuts", 'affiliation = "a"\nshortcuts = 257', 2, "a limit of 257 shortcuts", "from 0 to 256"],
    ["a relay that is no switch", 'affiliation = "a"\nrelay = "yes"', 2, "true or false", "without quotes"],
    ["a shortcut of a key", 'affiliation = "a"\nshortcut = 1', 2, '"shortcut"', "Did you mean shortcuts?"],
    ["an unknown key", TOML.replace("start =", "starts ="), 8, '"starts"', "Did you mean start?"],
    [
      "an unknown key of a table",
      TOML.replace("\nip =", "\nipp ="),
      15,
      '"interface.ipp"',
      "Did you mean interface.ip?",
    ],
    ["an unknown table", TOML.replace("[interface]", "[interfaces]"), 13, '"interfaces"', "Did you mean interface?"],
    ["a key of no likeness", `${TOML}\n[interface.x]\ny=1`, 19, "interface.x", ""],
    ["several tables of one", TOML.replace("[interface]", "[[interface]]"), 13, "[[interface]]", "[interface]"],
    ["a value of another kind", TOML.replace("port = 15000", 'port = "15000"'), 7, "whole number", "without quotes"],
    ["a port out of range", TOML.replace("15000\n", "150000\n"), 7, "150000", ""],
    ["a malformed TA, on its own line", TOML.replace("198.51.100.1:15000", "198.51.100.1"), 9, "198.51.100.1", ""],
    ["a list that is none", `affiliation = "a"\nstart = "x"`, 2, "list", ""],
    ["a virtual IP outside the subnet", TOML.replace("172.16.1.5", "10.0.0.1"), 15, "outside 172.16.0.0/16", ""],
    ["an MTU out of range", TOML.replace("1400", "9000"), 17, "9000", "1280"],
    ["what is no TOML", TOML.replace('"pc7"', '"pc7'), 4, "not TOML", ""],
    ["a key twice", TOML.replace("site =", "name ="), 5, "", ""],
    ["no affiliation", TOML.replace('affiliation = "condor wow"', ""), 18, "affiliation", ""],
  ])("refuses %s, naming file and line", (_what, text, line, what, remedy) => {
    const error = refusal(text, "ringway.toml");
    expect(error.code).toBe("BAD_CONFIG");
    expect(error.text).toContain(`ringway.toml, line ${line}: `);
    expect(error.text).toContain(what);
    expect(error.remedy).toContain(remedy);
  });
});

describe("any text", () => {
  it("is read or refused with BAD_CONFIG, never anything else", () => {
    const pieces = fc.constantFrom(
      "#",
      "affiliation",
      "\n",
      "port",
      " ",
      "=",
      '"',
      "[",
      "]",
      "interface",
      ".",
      "{",
      "}",
      "1",
      "a",
      "\u0000",
      "é",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), fc.constantFrom("f", "f.toml"), (parts, name) => {
        try {
          parseConfig(parts.join(""), name);
        } catch (error) {
          expect(error).toBeInstanceOf(HelperError);
          expect((error as HelperError).code).toBe("BAD_CONFIG");
        }
      }),
    );
  });
});

describe("nearestWord", () => {
  it.each([
    ["prot", "port"],
    ["affilation", "affiliation"],
    ["zzzzzz", undefined],
  ])("of %s is %s", (written, word) => {
    expect(nearestWord(written, ["affiliation", "port", "transport"])).toBe(word);
  });
});

function refusal(text: string, fileName: string): HelperError {
  try {
    parseConfig(text, fileName);
  } catch (error) {
    if (error instanceof HelperError) return error;
    throw error;
  }
  throw new Error("the file was accepted");
}
