# carparkd: what to do with this checkout. Each target installs the Debian packages that it misses, and says so.
#
#   make demo     a broker, simulated sensors, the daemon and a web page, all on this machine
#   make test     everything that is checked before a change goes in
#   make build    the release, .build/release/carparkd
#   make install  the release as a systemd service (root; PREFIX, DESTDIR)
#   make bench    the figures: cost of ingest and flush, memory
#   make fuzz     hostile inputs for whatever reads bytes from outside, TIME=60 seconds for each reader
#   make format   the sources in the form that the lint wants
#   make soak     the simulation with more seeds: SEEDS=1000 (from 1 on), and the campaign with more faults: FAULTS=5000, SEED

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.PHONY: demo test build install format lint bench fuzz soak packages-build packages-run packages-test

PREFIX ?= /usr
DESTDIR ?=
SEEDS ?= 1000
FAULTS ?= 5000
SEED ?= $(shell date +%s)
TIME ?= 60

SOURCES := Package.swift Sources Tests
CHECKED := --explicit-target-dependency-import-check error

BUILD_PACKAGES := libmosquitto-dev libsimdjson-dev libsqlite3-dev libssl-dev zlib1g-dev pkg-config gcc g++ libc6-dev git
RUN_PACKAGES := mosquitto mosquitto-clients python3
TEST_PACKAGES := openssl python3-jsonschema chromium systemd-container strace

# Installs what of $(1) is missing, as root or through sudo.
define need
	missing=$$({ dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(1) 2>/dev/null || true; } | awk '$$2 == "installed" {print $$1}' \
	    | sort | comm -13 - <(printf '%s\n' $(1) | sort))
	if [ -n "$$missing" ]; then
	    echo "installing: $$missing" | tr '\n' ' '; echo
	    as_root=""; [ "$$(id -u)" = 0 ] || as_root=sudo
	    $$as_root apt-get update -qq
	    DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq --no-install-recommends $$missing > /dev/null
	fi
	command -v swift > /dev/null || { echo "Swift 6.3 is missing: install it from https://www.swift.org/install/linux"; exit 1; }
endef

packages-build:
	@$(call need,$(BUILD_PACKAGES))

packages-run: packages-build
	@$(call need,$(RUN_PACKAGES))

packages-test: packages-run
	@$(call need,$(TEST_PACKAGES))

demo: packages-run
	@echo "building (the first time takes a minute or two)"
	swift build $(CHECKED) --product carparkd
	exec Config/demo/run "$$(swift build --show-bin-path)/carparkd"

build: packages-build
	@echo "building the release"
	swift build -c release --static-swift-stdlib $(CHECKED) --product carparkd
	echo "built: $$(swift build -c release --static-swift-stdlib --show-bin-path)/carparkd"

install: build
	@binary="$$(swift build -c release --static-swift-stdlib --show-bin-path)/carparkd"
	install -D -s -m 0755 "$$binary" "$(DESTDIR)$(PREFIX)/bin/carparkd"
	install -D -m 0644 systemd/carparkd.service "$(DESTDIR)/etc/systemd/system/carparkd.service"
	install -D -m 0644 systemd/carparkd.sysusers "$(DESTDIR)/usr/lib/sysusers.d/carparkd.conf"
	install -D -m 0644 README.md "$(DESTDIR)/usr/share/doc/carparkd/README.md"
	install -D -m 0644 Config/mosquitto/carparkd.conf "$(DESTDIR)/usr/share/doc/carparkd/mosquitto/carparkd.conf"
	for profile in Config/profiles/*.yaml; do
	    install -D -m 0644 "$$profile" "$(DESTDIR)$(PREFIX)/share/carparkd/profiles/$${profile##*/}"
	done
	install -D -m 0644 Config/devices.csv "$(DESTDIR)/usr/share/doc/carparkd/devices.csv"
	install -D -m 0644 Config/mosquitto/carparkd.acl "$(DESTDIR)/usr/share/doc/carparkd/mosquitto/carparkd.acl"
	if [ -e "$(DESTDIR)/etc/carparkd/carparkd.yaml" ]; then
	    echo "kept: $(DESTDIR)/etc/carparkd/carparkd.yaml (the new example is in Config/carparkd.yaml)"
	else
	    install -D -m 0644 Config/carparkd.yaml "$(DESTDIR)/etc/carparkd/carparkd.yaml"
	fi
	if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then
	    systemd-sysusers carparkd.conf
	    systemctl daemon-reload
	    echo "installed. Next: edit /etc/carparkd/carparkd.yaml, carparkd check, systemctl enable --now carparkd"
	fi

format:
	swift format --in-place --recursive $(SOURCES)

lint:
	swift format lint --strict --recursive $(SOURCES)

# Runs tests that are built, and says at the end once more what failed: its place is far up in thousands of lines.
# All tests at once would mean a hundred brokers and daemons on two processors, each test waiting for all the others.
define tests
	log=$$(mktemp)
	if ! SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=16 swift test --skip-build $(1) 2>&1 | tee "$$log"; then
	    echo "what failed:"
	    grep -aE '^(✘|↳)|error:|Fatal|SUMMARY' "$$log" | tail -n 60 || true
	    rm -f "$$log"
	    exit 1
	fi
	rm -f "$$log"
endef

# What takes all processors, or minds when others do, runs on its own.
# Thread sanitizer: the targets that share memory without a lock. (Swift's Mutex waits in a library that it cannot see
# into, so what is behind one looks like a race to it.) Address sanitizer: the targets that touch C; XCTest's own runner leaks.
test: packages-test lint
	@say() { printf '[%d:%02d] %s\n' $$((SECONDS / 60)) $$((SECONDS % 60)) "$$1"; }
	say "building with every warning an error"
	swift build --build-tests $(CHECKED)
	say "testing"
	$(call tests,--skip 'Exactly.once|The.campaign|StorageFaultTests|rogue.broker|MQTTTests')
	say "testing what waits for a network"
	$(call tests,--filter 'MQTTTests')
	say "simulating crashes"
	$(call tests,--filter 'Exactly.once')
	say "breaking a real broker, a real daemon and the connection between them"
	$(call tests,--filter 'The.campaign')
	say "bearing brokers that misbehave"
	$(call tests,--filter 'rogue.broker')
	say "failing each call that changes the disk"
	$(call tests,--filter 'StorageFaultTests')
	say "testing what shares memory, under thread sanitizer"
	export TSAN_OPTIONS="halt_on_error=1" ASAN_OPTIONS="detect_leaks=0" SWIFT_BACKTRACE="enable=no"
	export CARPARKD_TESTS="OccupancyTests IngestTests SimulationTests MQTTTests"
	swift build --build-tests --sanitize=thread --scratch-path .build/thread-sanitizer
	export CARPARKD_SEEDS=12
	$(call tests,--sanitize=thread --scratch-path .build/thread-sanitizer --skip 'MQTTTests')
	$(call tests,--sanitize=thread --scratch-path .build/thread-sanitizer --filter 'MQTTTests')
	say "testing what touches C, under address sanitizer"
	export CARPARKD_TESTS="OccupancyTests IngestTests JSONDocumentTests MQTTTests LinuxSystemTests FeedsTests SimulatedDiskTests JournalTests PersistenceTests"
	swift build --build-tests --sanitize=address --scratch-path .build/address-sanitizer
	$(call tests,--sanitize=address --scratch-path .build/address-sanitizer --skip 'MQTTTests')
	$(call tests,--sanitize=address --scratch-path .build/address-sanitizer --filter 'MQTTTests')
	unset CARPARKD_TESTS
	say "fuzzing"
	Tests/Fuzz/run 30
	say "all is well"

bench: packages-run
	Tests/Benchmarks/run

fuzz: packages-run
	Tests/Fuzz/run $(TIME)

soak: packages-run
	CARPARKD_SEEDS=$(SEEDS) swift test --filter SimulationTests
	CARPARKD_FAULTS=$(FAULTS) CARPARKD_SEED=$(SEED) swift test --filter 'The.campaign'
