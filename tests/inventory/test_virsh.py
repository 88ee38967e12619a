"""`virsh dumpxml`. Samples in the layout of libvirt's "Domain XML format", section "Network interfaces"."""

import pytest

from flowmap.errors import InventoryError
from flowmap.inventory import parse_inventory, parse_inventory_file

WEB = """\
<domain type='kvm' id='3'>
  <name>web</name>
  <uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid>
  <metadata><app:x xmlns:app="http://example.org/app"/></metadata>
  <devices>
    <disk type='file'><source file='/var/lib/libvirt/images/web.img'/></disk>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:01'/>
      <source bridge='ovsbr'/>
      <vlan><tag id='10'/></vlan>
      <virtualport type='openvswitch'>
        <parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/>
      </virtualport>
      <target dev='vnet0'/>
      <model type='virtio'/>
      <alias name='net0'/>
    </interface>
    <interface type='network'>
      <mac address='52:54:00:00:00:02'/>
      <source network='prod' portgroup='vlan-20' bridge='virbr1'/>
      <target dev='vnet1'/>
      <alias name='net1'/>
    </interface>
  </devices>
</domain>
"""


def interface(inside: str, kind: str) -> str:
    return (
        "<domain type='kvm'><name>vm</name><devices>"
        f"<interface type='{kind}'><mac address='52:54:00:00:00:09'/>{inside}</interface></devices></domain>"
    )


def test_a_running_domain():
    first, second = parse_inventory(WEB, name="web.xml", modified_ns=7)
    assert (first.vm, first.vm_id) == ("web", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0")
    assert (first.nic, first.mac, first.interface) == ("net0", 0x525400000001, "vnet0")
    assert (first.vswitch, first.network, first.vlan, first.segment_type) == ("ovsbr", "ovsbr", 10, "vlan")
    assert (first.host, first.power_state, first.passthrough) == (None, "running", False)
    assert (first.format, first.source, first.row) == ("virsh-dumpxml", "web.xml", 1)
    assert (first.observed_at_ns, first.observed_how) == (7, "file time")
    assert (second.vswitch, second.network, second.vlan) == ("virbr1", "prod/vlan-20", None)


@pytest.mark.parametrize(
    "text",
    [
        WEB + WEB.replace("web", "db"),  # for d in ...; do virsh dumpxml $d; done
        f"<?xml version='1.0'?>\n{WEB}\n<?xml version='1.0' encoding='UTF-8'?>\n{WEB.replace('web', 'db')}",
        f"<domains>{WEB}{WEB.replace('web', 'db')}</domains>",
    ],
)
def test_many_domains_in_one_file(text):
    assert [(r.vm, r.row) for r in parse_inventory(text, name="all.xml")] == [
        ("web", 1),
        ("web", 1),
        ("db", 2),
        ("db", 2),
    ]


@pytest.mark.parametrize(
    ("xml", "vswitch", "passthrough"),
    [
        (interface("<source dev='eno1' mode='vepa'/>", "direct"), None, True),
        (interface("<source dev='eno1' mode='private'/>", "direct"), None, True),
        (interface("<source dev='eno1' mode='passthrough'/>", "direct"), None, True),
        (interface("<source dev='eno1'/>", "direct"), None, True),  # vepa is libvirt's default
        (interface("<source dev='eno1' mode='bridge'/>", "direct"), "macvtap on eno1", False),
        (interface("<source><address type='pci' bus='0x07'/></source>", "hostdev"), None, True),
        (interface("<source network='default'/>", "network"), None, False),  # not running: bridge unknown
        (interface("<target dev='tap0'/>", "ethernet"), None, False),
    ],
)
def test_only_a_software_switch_counts_as_one(xml, vswitch, passthrough):
    (record,) = parse_inventory(xml, name="d.xml")
    assert (record.vswitch, record.passthrough) == (vswitch, passthrough)
    assert record.power_state is None


def test_a_trunk_has_no_single_vlan():
    (record,) = parse_inventory(
        interface("<vlan trunk='yes'><tag id='10'/><tag id='20'/></vlan><source bridge='b'/>", "bridge"),
        name="d.xml",
    )
    assert record.vlan is None


def test_a_domain_without_nic_is_a_vm_all_the_same():
    (record,) = parse_inventory("<domain><name>alone</name></domain>", name="d.xml")
    assert (record.vm, record.mac, record.interface) == ("alone", None, None)


def test_a_domain_without_a_name_and_a_bad_mac_are_reported():
    text = "<domains><domain/>" + interface("", "user").replace("52:54:00:00:00:09", "ff:ff:ff:ff:ff:ff") + "</domains>"
    file = parse_inventory_file(text, name="d.xml")
    assert [(r.vm, r.mac) for r in file.records] == [("vm", None)]
    assert "they have no <name> (the first is row 1)" in file.warnings[0]
    assert "row 2, column 'mac/@address': 'ff:ff:ff:ff:ff:ff' is the broadcast" in file.warnings[1]


def test_markup_in_a_name_stays_text():
    (record,) = parse_inventory("<domain><name>&lt;b&gt;x&#9;y&lt;/b&gt;</name></domain>", name="d.xml")
    assert record.vm == "<b>x\ufffdy</b>"


@pytest.mark.parametrize(
    ("inside", "kind", "isolated", "passthrough"),
    [
        ("<source bridge='br0'/><port isolated='yes'/>", "bridge", True, False),
        ("<source bridge='br0'/><port isolated='no'/>", "bridge", False, False),
        ("<source bridge='br0'/>", "bridge", False, False),
        ("<source network='n'/><port isolated='yes'/>", "network", True, False),
        ("<source dev='eno1' mode='private'/>", "direct", True, True),
        ("<source dev='eno1' mode='vepa'/>", "direct", False, True),
        ("<source dev='eno1' mode='bridge'/>", "direct", False, False),
        ("<source bridge='br0' mode='private'/>", "bridge", False, False),
    ],
)
def test_isolation(inside, kind, isolated, passthrough):
    (record,) = parse_inventory(interface(inside, kind), name="d.xml")
    assert (record.isolated, record.passthrough) == (isolated, passthrough)


BILLION_LAUGHS = (
    "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY a 'lol'>"
    + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9))
    + "]><domain><name>&j;</name></domain>"
)
EXTERNAL_ENTITY = "<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><domain><name>&x;</name></domain>"


@pytest.mark.parametrize("text", [BILLION_LAUGHS, EXTERNAL_ENTITY])
def test_a_document_type_is_refused(text):
    with pytest.raises(InventoryError, match="declares an XML document type"):
        parse_inventory(text, name="d.xml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<domain><name>x</domain>", "not well-formed XML at line 1"),
        (WEB[:200], "not well-formed XML at line"),
        ("<a></files><files>", "not well-formed"),
        ("</files><domain/><files>", "not well-formed"),
        ("<html><body>Sign in</body></html>", "root <html>"),
        ("<domainsnapshot><domain><name>old</name></domain></domainsnapshot>", "root <domainsnapshot>"),
        ("<!-- nothing -->", "root <none>"),
        ("<" * 5_000_000, "more than 4,000,000 XML tags"),
    ],
)
def test_other_xml_is_refused_in_one_sentence(text, problem):
    with pytest.raises(InventoryError, match=problem):
        parse_inventory(text, name="d.xml")


def test_deep_nesting_does_no_harm():
    text = "<domain><name>deep</name>" + "<a>" * 100_000 + "</a>" * 100_000 + "</domain>"
    assert [r.vm for r in parse_inventory(text, name="d.xml")] == ["deep"]
