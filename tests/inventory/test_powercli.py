"""PowerCLI's Get-NetworkAdapter. Layouts as Export-Csv and ConvertTo-Json write the documented properties."""

import json

import pytest

from flowmap.inventory import parse_inventory_file

# All properties of the type NetworkAdapter, in the order in which Export-Csv of PowerCLI 13 writes them.
WHOLE = (
    "#TYPE VMware.VimAutomation.ViCore.Impl.V1.VirtualDevice.NetworkAdapterImpl\r\n"
    '"MacAddress","WakeOnLanEnabled","NetworkName","Type","ParentId","Parent","Uid","ConnectionState","ExtensionData",'
    '"Id","Name","Client"\r\n'
    '"00:50:56:80:00:01","True","dpg-10","Vmxnet3","VirtualMachine-vm-101","web",'
    '"/VIServer=corp\\admin@vc:443/VirtualMachine=VirtualMachine-vm-101/NetworkAdapter=4000/",'
    '"Connected, GuestControl, StartConnected","VMware.Vim.VirtualVmxnet3","VirtualMachine-vm-101/4000",'
    '"Network adapter 1","VMware.VimAutomation.ViCore.Impl.V1.VimClient"\r\n'
)


def test_the_whole_adapter_as_csv_says_that_the_host_is_missing():
    file = parse_inventory_file(WHOLE, name="nics.csv")
    (record,) = file.records
    assert (file.format, record.vm, record.nic, record.mac) == ("powercli", "web", "Network adapter 1", 0x005056800001)
    assert (record.network, record.host, record.vm_id, record.passthrough) == ("dpg-10", None, None, False)
    (warning,) = file.warnings
    assert "no column names the host" in warning and "@{N='VMHost';E={$_.Parent.VMHost.Name}}" in warning


def test_the_user_may_say_which_host_the_file_is_about():
    file = parse_inventory_file(WHOLE, name="nics.csv", host="esx-01")
    assert (file.records[0].host, file.warnings) == ("esx-01", [])


@pytest.mark.parametrize("first_line", ["", "#TYPE Selected.VMware.VimAutomation.ViCore.Impl\r\n"])
@pytest.mark.parametrize("title", ["VMHost", "Host", "ESXi"])
@pytest.mark.parametrize(("kind", "passthrough"), [("Vmxnet3", False), ("e1000", False), ("SriovEthernetCard", True)])
def test_selected_columns_with_the_host(first_line, title, kind, passthrough):
    text = (
        f'{first_line}"Parent","Name","NetworkName","MacAddress","Type","{title}"\r\n'
        f'"web","Network adapter 2","dpg-10","00:50:56:80:00:01","{kind}","esx-01.corp.example"\r\n'
    )
    file = parse_inventory_file(text.encode("utf-16"), name="nics.csv")
    (record,) = file.records
    assert (record.vm, record.nic, record.host) == ("web", "Network adapter 2", "esx-01.corp.example")
    assert (record.passthrough, file.warnings) == (passthrough, [])


ADAPTER = {"Parent": "web", "Name": "Network adapter 1", "NetworkName": "dpg-10", "MacAddress": "00:50:56:80:00:01"}


@pytest.mark.parametrize(
    "document",
    [
        [ADAPTER | {"Type": 5, "VMHost": "esx-01"}],
        ADAPTER | {"Type": 5, "VMHost": "esx-01"},  # a single adapter is written without a list
        {"value": [ADAPTER | {"VMHost": {"Name": "esx-01", "State": 0}}], "Count": 1},
        # ConvertTo-Json -Depth 2 of the whole adapter: the VM is an object, its host the text of one.
        [ADAPTER | {"Parent": {"Name": "web", "PowerState": 1, "VMHost": "esx-01", "VMHostId": "HostSystem-host-11"}}],
        [ADAPTER | {"Parent": {"Name": "web", "VMHost": {"Name": "esx-01"}}}],
    ],
)
def test_convert_to_json(document):
    file = parse_inventory_file(json.dumps(document), name="nics.json")
    (record,) = file.records
    assert (file.format, record.vm, record.mac, record.network) == ("powercli", "web", 0x005056800001, "dpg-10")
    assert (record.host, record.passthrough, file.warnings) == ("esx-01", False, [])


def test_json_of_an_sriov_card_and_without_a_host():
    file = parse_inventory_file(json.dumps([ADAPTER | {"Type": "SriovEthernetCard"}]), name="nics.json")
    assert file.records[0].passthrough and "no column names the host" in file.warnings[0]
