# Two commands to know: `make demo` and `make test`.
CARGO ?= cargo
.DEFAULT_GOAL := help
.PHONY: help demo demo-fault demo-heal test build bench bench-scale bench-peer fmt docs e2e campaign soak screenshots release

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

demo: ## a real six-node cluster on this machine, watched: exporter, Prometheus, Alertmanager and a pager that prints
	@scripts/demo

demo-fault: ## breaks the cluster of a running demo: FAULT=kill-shard, split-brain, …; without FAULT lists them
	@scripts/demo-fault $(FAULT)

demo-heal: ## heals it
	@scripts/demo-fault heal

test: ## everything: format, lints, docs, unit, property, fault and real-cluster tests
	@scripts/test

build: ## the release binary, in target/release
	$(CARGO) build --locked --release

release: ## a release in dist/: program, Debian package, image, bill of materials, checksums
	@scripts/release

bench: ## what it costs: parsing, joining and encoding; then the whole program beside a real cluster
	@scripts/setup
	$(CARGO) bench --locked --bench core
	$(CARGO) bench --locked --bench cost

bench-scale: ## the program beside simulated clusters: up to 1000 nodes, and up to 300 clusters of 20
	$(CARGO) bench --locked --bench scale

bench-peer: ## redis_exporter and this exporter beside the same real clusters of 6, 30 and 100 nodes
	@scripts/setup
	$(CARGO) bench --locked --bench peer

fmt: ## format the code
	$(CARGO) fmt --all

docs: ## write the generated documents and golden files anew; look at the diff before you commit it
	UPDATE=1 $(CARGO) test --locked --tests -- --skip real_cluster

campaign: ## every fault on real clusters, ten minutes of a healthy one, and who is paged when
	@scripts/setup
	CAMPAIGN=full $(CARGO) test --locked --test campaign
	CAMPAIGN=full $(CARGO) test --locked --test paging

soak: ## an hour beside a real cluster with faults, scrapers and slow clients: nothing grows, nothing is missed
	@scripts/setup
	SOAK_MINUTES=$${SOAK_MINUTES:-60} $(CARGO) test --locked --release --test soak

screenshots: ## the pictures of the status page in docs/images, from a real cluster in a real browser
	@scripts/setup
	SCREENSHOTS=1 $(CARGO) test --locked --test browser

e2e: ## only the tests against real clusters
	@scripts/setup
	$(CARGO) test --locked --test e2e
