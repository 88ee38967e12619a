"""The questions that the later stages ask an inventory."""

TEXT = (
    "vm,mac,ip,host,interface,vrf\n"
    "web,525400000001,2001:db8::1,kvm-1,vnet0,red\n"
    "db,525400000002,10.0.0.2,kvm-2,vnet0,\n"
    "x,525400000003,10.0.0.3,,vnet0,\n"
)


def test_by_mac(inventory_of):
    inventory = inventory_of({"i.csv": TEXT})
    assert [r.vm for r in inventory.by_mac(0x525400000002)] == ["db"]
    assert inventory.by_mac(0x525400000009) == []


def test_by_ip_in_any_spelling(inventory_of):
    inventory = inventory_of({"i.csv": TEXT})
    assert [r.vm for r in inventory.by_ip("2001:DB8:0:0::0001")] == ["web"]
    assert [r.vm for r in inventory.by_ip("2001:db8::1", "red")] == ["web"]
    assert inventory.by_ip("2001:db8::1", "blue") == []
    assert [r.vm for r in inventory.by_ip("10.0.0.2", "blue")] == ["db"]  # its source names no domain
    assert inventory.by_ip("no address") == []


def test_by_interface_on_one_host_or_on_any(inventory_of):
    inventory = inventory_of({"i.csv": TEXT})
    assert [r.vm for r in inventory.by_interface(None, "vnet0")] == ["web", "db", "x"]
    assert [r.vm for r in inventory.by_interface("KVM-2", "vnet0")] == ["db"]
    assert [r.vm for r in inventory.by_interface("kvm-3", "vnet0")] == ["x"]
    assert inventory.by_interface("kvm-1", "vnet1") == []


def test_hosts(inventory_of):
    inventory = inventory_of({"i.csv": TEXT})
    assert inventory.hosts() == ["kvm-1", "kvm-2"]
    assert inventory.host_named("Kvm-1") == "kvm-1" and inventory.host_named("kvm-9") is None


def test_an_answer_may_be_changed_without_harm(inventory_of):
    inventory = inventory_of({"i.csv": TEXT})
    inventory.by_mac(0x525400000001).clear()
    assert len(inventory.by_mac(0x525400000001)) == 1
