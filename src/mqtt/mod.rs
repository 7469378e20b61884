//! Layer 4: The broker over rumqttc. Translates, decides nothing.
