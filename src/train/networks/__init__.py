"""Networks that plans can name: U-Mamba, and the layers that it is made of."""
