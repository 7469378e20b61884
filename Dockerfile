FROM rust:1-slim-bookworm AS build
WORKDIR /src
# Dependencies first: they change seldom, and the layer is kept.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src benches && echo 'fn main() {}' > src/main.rs && touch src/lib.rs benches/bridge.rs \
    && cargo build --release --locked --no-default-features \
    && rm -r src
COPY profiles profiles
COPY src src
# The broker inside `demo` is for machines without one, and a container has one.
RUN touch src/main.rs src/lib.rs && cargo build --release --locked --no-default-features

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 65532 -g 65532 -m 700 /data
COPY --from=build /src/target/release/gizwits2mqtt /usr/local/bin/
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/gizwits2mqtt/
USER 65532:65532
# The health check asks at the loopback address, which nobody outside the container reaches. It asks whether
# the process works: a broker that is away is no reason to restart it.
ENV GIZWITS2MQTT_CONFIG=/config/gizwits2mqtt.yaml \
    GIZWITS2MQTT__STATE_DIR=/data \
    GIZWITS2MQTT__WEB__LISTEN=127.0.0.1:8099
VOLUME /data
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s CMD ["gizwits2mqtt", "health", "--live"]
ENTRYPOINT ["gizwits2mqtt"]
CMD ["run"]
LABEL org.opencontainers.image.title="gizwits2mqtt" \
      org.opencontainers.image.description="Brings the devices of a Gizwits account to MQTT and Home Assistant" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
