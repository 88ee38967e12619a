#!/bin/sh
# Called by udhcpc: puts the leased address on the interface.
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
ip route add default via "$router"
