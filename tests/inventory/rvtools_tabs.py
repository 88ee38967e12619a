"""Tabs of RVTools for the tests: the titles as version 4.7 writes them, the rows made in that layout.

One site: esx-01 has web and db on a distributed switch, and sealed on vSwitch1, which has no uplink; app is on esx-02.
"""

import csv
import io

VNETWORK = (
    "VM,Powerstate,Template,SRM Placeholder,NIC label,Adapter,Network,Switch,Connected,Starts Connected,"
    "Mac Address,Type,IPv4 Address,IPv6 Address,Direct Path IO,Internal Sort Column,Annotation,Datacenter,"
    "Cluster,Host,Folder,OS according to the configuration file,OS according to the VMware Tools,VM ID,VM UUID,"
    "VI SDK Server,VI SDK UUID"
).split(",")
VINFO = (
    "VM,Powerstate,Template,SRM Placeholder,Config status,DNS Name,Connection state,Guest state,Heartbeat,CPUs,"
    "Memory,NICs,Disks,Primary IP Address,Network #1,Network #2,Network #3,Network #4,Network #5,Network #6,"
    "Network #7,Network #8,Resource pool,Folder,Annotation,Datacenter,Cluster,Host,VM ID,SMBIOS UUID,VM UUID,"
    "VI SDK Server type,VI SDK API Version,VI SDK Server,VI SDK UUID"
).split(",")
VHOST = (
    "Host,Datacenter,Cluster,Config status,in Maintenance Mode,CPU Model,# CPU,# NICs,ESX Version,Boot time,"
    "Domain,Vendor,Model,Object ID,UUID,VI SDK Server,VI SDK UUID"
).split(",")
VNIC = (
    "Host,Datacenter,Cluster,Network Device,Driver,Speed,Duplex,MAC,Switch,Uplink port,PCI,WakeOn,VI SDK Server,"
    "VI SDK UUID"
).split(",")
VSC_VMK = (
    "Host,Datacenter,Cluster,Port Group,Device,Mac Address,DHCP,IP Address,IP 6 Address,Subnet mask,Gateway,"
    "IP 6 Gateway,MTU,VI SDK Server,VI SDK UUID"
).split(",")
VSWITCH = (
    "Host,Datacenter,Cluster,Switch,# Ports,Free Ports,Promiscuous Mode,Mac Changes,Forged Transmits,"
    "Traffic Shaping,Policy,MTU,VI SDK Server,VI SDK UUID"
).split(",")
VPORT = (
    "Host,Datacenter,Cluster,Port Group,Switch,VLAN,Promiscuous Mode,Mac Changes,Forged Transmits,"
    "Traffic Shaping,Policy,VI SDK Server,VI SDK UUID"
).split(",")
DVPORT = (
    "Port,Switch,Type,# Ports,VLAN,Speed,Full Duplex,Blocked,Allow Promiscuous,Mac Changes,Active Uplink,"
    "Standby Uplink,Policy,Forged Transmits,Object ID,VI SDK Server,VI SDK UUID"
).split(",")
VMETADATA = ["RVTools major version", "RVTools version", "xlsx creation datetime", "Server"]


def tab(titles: list[str], *rows: dict[str, str]) -> list[list[str]]:
    """Titles and rows; a value that a row does not give is empty."""
    assert all(set(row) <= set(titles) for row in rows)
    return [titles, *([row.get(title, "") for title in titles] for row in rows)]


def as_csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def vnic_of(vm: str, mac: str, network: str, switch: str, host: str, ip: str = "") -> dict[str, str]:
    row = {"VM": vm, "Powerstate": "poweredOn", "Template": "False", "SRM Placeholder": "False", "Adapter": "Vmxnet3"}
    row |= {"NIC label": "Network adapter 1", "Network": network, "Switch": switch, "Mac Address": mac, "Host": host}
    row |= {"Type": "assigned", "IPv4 Address": ip, "Direct Path IO": "False", "VM UUID": f"uuid-of-{vm}"}
    return row


SITE = {
    "vInfo": tab(
        VINFO,
        {"VM": "web", "Powerstate": "poweredOn", "DNS Name": "web.corp.example", "Primary IP Address": "10.0.10.1",
         "Network #1": "dpg-10", "Host": "esx-01.corp.example", "VM UUID": "uuid-of-web"},
    ),
    "vNetwork": tab(
        VNETWORK,
        vnic_of("web", "00:50:56:80:00:01", "dpg-10", "dvs-prod", "esx-01.corp.example"),
        vnic_of("db", "00:50:56:80:00:02", "dpg-20", "dvs-prod", "esx-01.corp.example", "10.0.20.2"),
        vnic_of("app", "00:50:56:80:00:03", "VM Network", "vSwitch0", "esx-02.corp.example"),
        vnic_of("sealed", "00:50:56:80:00:04", "Lab", "vSwitch1", "esx-01.corp.example"),
    ),
    "vHost": tab(
        VHOST,
        {"Host": "esx-01.corp.example", "ESX Version": "VMware ESXi 8.0.2", "Object ID": "host-11", "UUID": "hw-1"},
        {"Host": "esx-02.corp.example", "ESX Version": "VMware ESXi 8.0.2", "Object ID": "host-12", "UUID": "hw-2"},
    ),
    "vNIC": tab(
        VNIC,
        {"Host": "esx-01.corp.example", "Network Device": "vmnic0", "Speed": "10000", "MAC": "a0:36:9f:00:01:00",
         "Switch": "dvs-prod", "Uplink port": "Uplink 1"},
        {"Host": "esx-01.corp.example", "Network Device": "vmnic1", "Speed": "0", "MAC": "a0:36:9f:00:01:01"},
        {"Host": "esx-01.corp.example", "Network Device": "vmnic2", "Speed": "25000", "MAC": "a0:36:9f:00:01:02"},
        {"Host": "esx-02.corp.example", "Network Device": "vmnic0", "Speed": "10000", "MAC": "a0:36:9f:00:02:00",
         "Switch": "vSwitch0"},
        {"Host": "esx-03.corp.example", "Network Device": "vmnic0", "Speed": "10000", "MAC": "a0:36:9f:00:03:00"},
    ),
    "vSC_VMK": tab(
        VSC_VMK,
        {"Host": "esx-01.corp.example", "Port Group": "Management Network", "Device": "vmk0",
         "Mac Address": "a0:36:9f:00:01:00", "DHCP": "False", "IP Address": "10.0.0.11", "IP 6 Address": "fd00::11"},
        {"Host": "esx-01.corp.example", "Port Group": "vMotion", "Device": "vmk1", "Mac Address": "00:50:56:61:00:01",
         "DHCP": "False", "IP Address": "10.0.1.11"},
    ),
    "vSwitch": tab(
        VSWITCH,
        {"Host": "esx-01.corp.example", "Switch": "vSwitch1", "Promiscuous Mode": "False"},
        {"Host": "esx-02.corp.example", "Switch": "vSwitch0", "Promiscuous Mode": "False"},
        {"Host": "esx-03.corp.example", "Switch": "vSwitch1", "Promiscuous Mode": "False"},
    ),
    "vPort": tab(
        VPORT,
        {"Host": "esx-01.corp.example", "Port Group": "Lab", "Switch": "vSwitch1", "VLAN": "0"},
        {"Host": "esx-02.corp.example", "Port Group": "VM Network", "Switch": "vSwitch0", "VLAN": "30"},
    ),
    "dvPort": tab(
        DVPORT,
        {"Port": "dpg-10", "Switch": "dvs-prod", "Type": "earlyBinding", "VLAN": "10", "Object ID": "dvportgroup-10"},
        {"Port": "dpg-20", "Switch": "dvs-prod", "Type": "earlyBinding", "VLAN": "20", "Object ID": "dvportgroup-20"},
        {"Port": "dvs-prod-DVUplinks-9", "Switch": "dvs-prod", "Type": "earlyBinding", "VLAN": "0-4094"},
    ),
    "vMetaData": tab(
        VMETADATA,
        {"RVTools version": "4.7.1.4", "xlsx creation datetime": "2026-03-04 12:00:00", "Server": "vc.corp.example"},
    ),
}  # fmt: skip
"""Sheet name -> its rows, as "Export all to Excel" writes them."""
